"""Node-rounds a second of the simulator, beside gossipy's on the same rows; and thousands of nodes.

A node-round is one node's round: local training and, of the messages that it causes, all.  A round
of ours is a push and a pull of compressed deltas through the node's own exchange, encoded to the
byte and decoded; one of gossipy's is at most a push of an object.  Rates are by CPU seconds of one
process, the best of interleaved runs.  Ours counts all from sharing the rows out to the last look;
gossipy evaluates nothing, and its nodes have earned their first tokens when the clock starts.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

sys.path.insert(0, str(Path(__file__).parent))

from datasets.spambase import spambase_files
from environments import environment
from figures import Figures, progress

HERE = Path(__file__).parent
REQUIREMENTS = ("gossipy-dfl==0.0.1", "torch==2.13.0")
NODES = 100
# Hidden units, and how many times gossipy's rate is asked for.
CASES = {"logistic": (0, 100.0), "mlp": (100, 12.0)}


@frozen
class Crowd:
    """A large run on clouds of points: its size, and what it may take."""

    nodes: int
    features: int
    classes: int
    hidden: int
    rounds: int
    rate_min: float
    gigabytes_max: float


CROWDS = {
    "10,000 logistic": Crowd(10_000, 57, 2, 0, 5, 1200, 1.0),
    "1,000 of 784-60-10": Crowd(1000, 784, 10, 60, 5, 300, 2.5),
}
QUICK = {"2,000 logistic": Crowd(2000, 57, 2, 0, 3, 1200, 0.5)}


def main() -> None:
    """Print every rate, and end with the figures."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench/simulator",
        description="Simulated node-rounds a CPU second, beside gossipy's; peak memory of crowds.",
        epilog="Exits with status 1 when a figure is short of its target.",
    )
    parser.add_argument("--quick", action="store_true", help="one run each, a smaller crowd")
    options = parser.parse_args()
    figures, repeats = Figures(), 1 if options.quick else 3
    python = environment("gossipy", *REQUIREMENTS)
    for name, (hidden, least) in CASES.items():
        beside_gossipy(name, hidden, least, repeats, str(python), figures)
    for name, crowd in (QUICK if options.quick else CROWDS).items():
        in_a_crowd(name, crowd, figures)
    figures.finish()


def beside_gossipy(
    name: str, hidden: int, least: float, repeats: int, python: str, figures: Figures
) -> None:
    """Both on Spambase with 100 nodes on a 20-regular graph; one epoch a round."""
    train, _ = map(str, spambase_files())
    ours, theirs = [], []
    for number in range(repeats):
        progress(f"spambase {name}, run {number + 1}")
        rival = (python, str(HERE / "simulator_rival.py"), train, str(NODES), str(hidden), "4")
        theirs.append(rate(last_line(*rival)))
        case = {"spambase": train, "hidden": hidden, "nodes": NODES, "topology": "random:20"}
        ours.append(rate(alone({**case, "rounds": 100})))
    print(
        f"spambase {name}, {NODES} nodes: ours {max(ours):.0f}, gossipy {max(theirs):.0f} "
        "node-rounds a CPU second",
        flush=True,
    )
    figures.add(f"simulator_{name}_ratio", max(ours) / max(theirs), "x", ">=", least)


def in_a_crowd(name: str, crowd: Crowd, figures: Figures) -> None:
    """One run in a process of its own, for its memory."""
    progress(f"{name} nodes")
    found = alone({**asdict(crowd), "topology": "random:4"})
    gigabytes = found["peak_bytes"] / 1e9
    print(
        f"{name} nodes: {rate(found):.0f} node-rounds a CPU second, peak {gigabytes:.2f} GB",
        flush=True,
    )
    label = f"simulator_{crowd.nodes}"
    figures.add(f"{label}_rate", rate(found), "node-rounds/s", ">=", crowd.rate_min)
    figures.add(f"{label}_memory", gigabytes, "GB", "<=", crowd.gigabytes_max)


def rate(found: dict[str, float]) -> float:
    """Node-rounds a CPU second."""
    return found["node_rounds"] / found["cpu_s"]


def alone(case: dict[str, Any]) -> dict[str, float]:
    """What simulator_subject.py measures of one case."""
    return last_line(sys.executable, str(HERE / "simulator_subject.py"), json.dumps(case))


def last_line(*command: str) -> dict[str, float]:
    """The JSON that a program ends with."""
    shown = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(shown.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
