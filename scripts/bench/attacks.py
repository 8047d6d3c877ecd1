"""What attackers cost honest nodes, where members are trusted and where they are not.

Run it as scripts/bench/attacks [--quick] [--seeds N] [--workers N]; finished runs are kept on disk.

Digits over 16 nodes, views of 8, three attackers (19 %); accuracy of the honest nodes' averaged
models on test rows that nobody trains on, as the mean of the looks at the last 40 rounds.  A cost
is the distance to the run without attackers under the same trust and seed; it includes what the
attackers' readings would have taught.  Settings were chosen
on the validation rows of seeds of their own; what counts as usual was changed once more after a
run of seed 1 had shown a node with as many liars as honest neighbours.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

sys.path.insert(0, str(Path(__file__).parent))


from figures import Figures
from gossiping.arena import NODES, OURS, PARTITIONS, final
from gossiping.pool import complete
from gossiping.runs import Run, recall

ATTACKERS = 3 / 16
ROUNDS = 200
ATTACKS = ("random", "signflip", "alie", "ipm", "dissensus", "slowdrift", "labelflip")
# Most points that an attack may cost an open mesh; the others are printed only.
LIMITS = {
    "iid": {"random": 1.5, "signflip": 1.5, "alie": 3.0},
    "dirichlet": {"random": 3.0, "signflip": 3.0, "alie": 5.0},
}
# Most points that an open mesh gives away when nobody attacks.
PRICES = {"iid": 1.5, "dirichlet": 2.5}


@frozen
class Outcome:
    """One run: the honest nodes' accuracy, mean and worst."""

    mean: float
    worst: float


Found = dict[tuple[str, str | None], list[Outcome]]


def describe(trust: str, attack: str | None, partition: str, seed: int) -> Run:
    """One run."""
    threat = {"attack": attack, "attackers": ATTACKERS} if attack else {}
    return Run(
        task="digits",
        algorithm="gossip",
        partition=partition,
        nodes=NODES,
        rounds=ROUNDS,
        seed=seed,
        settings={"trust": trust},
        world={"topology": "random:8", **threat},
    )


def outcome(run: Run) -> Outcome:
    """What its record says."""
    curve = recall(run).curve
    return Outcome(final(curve, OURS), final(curve, OURS, part="worst"))


def measure(partition: str, attacks: Sequence[str], seeds: int, workers: int | None) -> Found:
    """(trust, attack) -> one outcome a seed."""
    runs = {
        (trust, attack): [describe(trust, attack, partition, seed) for seed in range(seeds)]
        for attack in (None, *attacks)
        for trust in ("closed", "open")
    }
    complete([run for row in runs.values() for run in row], workers)
    return {case: [outcome(run) for run in row] for case, row in runs.items()}


def mean(outcomes: Sequence[Outcome], part: str = "mean") -> float:
    """Over seeds, in per cent."""
    return 100 * statistics.mean(getattr(each, part) for each in outcomes)


def table(found: Found, title: str) -> str:
    """Markdown, an attack a line."""
    lines = [
        title,
        "",
        "| attack | closed: mean / worst node | open: mean / worst node | cost when open |",
        "|---|---|---|---|",
    ]
    for attack in dict.fromkeys(attack for _, attack in found):
        cells = [
            f"{mean(found[trust, attack]):.1f} / {mean(found[trust, attack], 'worst'):.1f}"
            for trust in ("closed", "open")
        ]
        lines.append(f"| {attack or 'none'} | {' | '.join(cells)} | {cost(found, attack):.1f} |")
    return "\n".join(lines)


def cost(found: Found, attack: str | None) -> float:
    """Points that an attack takes from the honest nodes of an open mesh."""
    return mean(found["open", None]) - mean(found["open", attack])


def judge(found: Found, kind: str, figures: Figures) -> None:
    """The figures of one partition."""
    for attack, limit in LIMITS[kind].items():
        if ("open", attack) in found:
            points = cost(found, attack)
            figures.add(f"attacks-{kind}-{attack}-cost", points, "points", "<=", limit)
    price = mean(found["closed", None]) - mean(found["open", None])
    figures.add(f"attacks-{kind}-price-of-open", price, "points", "<=", PRICES[kind])


def main() -> None:
    """All figures, or with --quick those that take under a minute together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, one attack, iid")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, help="default: all cores")
    options = parser.parse_args()
    figures = Figures()
    kinds = ["iid"] if options.quick else list(PARTITIONS)
    attacks, seeds = (("signflip",), 1) if options.quick else (ATTACKS, options.seeds)
    for kind in kinds:
        found = measure(PARTITIONS[kind], attacks, seeds, options.workers)
        title = f"digits, {NODES} nodes, 3 attackers, {PARTITIONS[kind]}, {seeds} seeds"
        print(table(found, title), end="\n\n", flush=True)
        judge(found, kind, figures)
    figures.finish()


if __name__ == "__main__":
    main()
