"""Bytes to FedAvg's accuracy minus a point, for every scheme, in one simulator.

Run it as scripts/bench/gossip [--quick] [--tune] [--seeds N] [--task digits|mnist].

Target: FedAvg's final accuracy on the same shares, minus one point, by seed; final is the mean of
the looks at the last 40 rounds.  Ours is judged by the running mean over rounds that nodes predict
with, every other scheme by that or by its bare models, whichever is better.  A scheme's bytes are
what a node has sent on average when the mean node first reaches the target: frames as they are
encoded plus 20 bytes each for length, counter and tag; FedAvg's hold both directions.

All schemes share local steps and learning rate.  What is their own was chosen by kilobytes to
target on the validation rows of the digits, with a seed of its own (--tune prints that grid); the
tables are on the test rows.
"""

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

sys.path.insert(0, str(Path(__file__).parent))

from datasets.digits import digits_files
from datasets.mnist import mnist_files
from figures import Figures, progress
from places import ROOT

from gossipfl.learning.data import infer_schema, read
from gossipfl.learning.sequential import perceptron
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.simulation.experiment import Experiment, Result, run
from gossipfl.simulation.measurement import Point
from gossipfl.simulation.population import Rows, split_rows

NODES = 16
PARTITIONS = {"iid": "iid", "dirichlet": "dirichlet:0.3"}
FINAL_ROUNDS = 40
EVERY = 5
TUNING_SEEDS = (100,)


@frozen
class Scheme:
    """One row of the table.

    settings: changes of the manifest.  world: changes of the experiment.
    compressed: whether it leaves anything out of its messages.
    """

    name: str
    algorithm: str
    compressed: bool = False
    settings: dict[str, Any] = field(factory=dict)
    world: dict[str, Any] = field(factory=dict)


@frozen
class Task:
    """Data, model and what was chosen for it; limits: kB to target, by partition."""

    name: str
    rows: Rows
    manifest: Manifest
    rounds: int
    schemes: Sequence[Scheme]
    limits: dict[str, float]
    ratio: float


@frozen
class Outcome:
    """One scheme, one seed.  kilobytes, rounds: to target, infinite when it was not reached."""

    final: float
    worst: float
    kilobytes: float
    rounds: float
    frame_bytes: float
    total_kilobytes: float


FEDAVG = Scheme("FedAvg, both ways", "fedavg")


def uncompressed() -> list[Scheme]:
    """All that send whole models; fanouts are the grid's cheapest, iid and Dirichlet."""
    return [
        Scheme("pairwise gossip", "gossip", settings={"scheme": "plain"}),
        Scheme("D-PSGD, ring", "dpsgd", world={"topology": "ring"}),
        Scheme("D-PSGD, degree 4", "dpsgd"),
        Scheme("push-sum, exponential", "push-sum"),
        Scheme("gossip learning", "hegedus"),
        Scheme("EL-Local, 1", "el-local:1"),
        Scheme("EL-Local, 4", "el-local:4"),
        Scheme("EL-Oracle, 1", "el-oracle:1"),
        Scheme("EL-Oracle, 2", "el-oracle:2"),
    ]


def compressed(keep_ratio: float) -> list[Scheme]:
    """Those that send less; ours is the last."""
    return [
        Scheme("gossip learning, 10 % sample", "hegedus:0.1", True),
        Scheme("gossip learning, 2 parts", "hegedus-parts:2", True),
        # The first is the cheapest of the grid for iid shares, the second the best for others.
        Scheme("CHOCO-SGD, 20 %, step 0.9", "choco:0.9", True, {"keep_ratio": 0.2}),
        Scheme("CHOCO-SGD, 50 %, step 0.9", "choco:0.9", True, {"keep_ratio": 0.5}),
        Scheme(f"anchored, {keep_ratio:.1%}", "gossip", True, {"keep_ratio": keep_ratio}),
    ]


def digits_task() -> Task:
    """MLP 64-64-10, 4,810 parameters."""
    rows, manifest = _load(*digits_files(), hidden=(64,), local_steps=5)
    schemes = uncompressed() + compressed(0.02)
    return Task("digits", rows, manifest, 300, schemes, {"iid": 35, "dirichlet": 45}, 0)


def mnist_task() -> Task:
    """MLP 784-60-10, 47,710 parameters, 191 kB."""
    rows, manifest = _load(*mnist_files(), hidden=(60,), local_steps=10)
    schemes = uncompressed() + compressed(0.02)
    return Task("mnist", rows, manifest, 300, schemes, {"iid": 200, "dirichlet": 300}, 90)


def _load(train: Path, test: Path, hidden: tuple[int, ...], local_steps: int) -> tuple[Rows, Any]:
    schema = infer_schema(train)
    rows = split_rows(read(train, schema=schema), read(test, schema=schema), None, 0.15, seed=0)
    training = TrainingSettings(learning_rate=0.2, batch_size=16, local_steps=local_steps)
    manifest = Manifest(
        cluster="bench",
        schema=schema,
        standardise="none",
        layers=perceptron(hidden),
        training=training,
    )
    return rows, manifest


def simulate(task: Task, scheme: Scheme, partition: str, seed: int) -> Result:
    """One run of one scheme."""
    manifest = attrs.evolve(task.manifest, seed=seed, **scheme.settings)
    experiment = Experiment(
        manifest=manifest,
        nodes=NODES,
        algorithm=scheme.algorithm,
        partition=partition,
        rounds=task.rounds,
        evaluate_every=EVERY,
        seed=seed,
        **scheme.world,
    )
    started_s = time.monotonic()
    result = run(experiment, task.rows)
    progress(
        f"{task.name} {partition} seed {seed} {scheme.name}: test "
        f"{final(result, 'test'):.4f}, {sum(result.sent_bytes) / NODES / 1000:.0f} kB, "
        f"{time.monotonic() - started_s:.0f} s"
    )
    return result


def kinds(result: Result) -> tuple[str, ...]:
    """The models that a run may be judged by."""
    return ("average",) if is_ours(result.experiment) else ("average", "current")


def is_ours(experiment: Experiment) -> bool:
    """Whether this is the scheme that the product uses."""
    return experiment.algorithm == "gossip" and experiment.manifest.scheme == "anchored"


def final(result: Result, held: str, part: str = "mean") -> float:
    """Accuracy over the last looks, on the "validation" or "test" rows; "mean" or "worst" node."""
    looks = result.curve[-(FINAL_ROUNDS // EVERY) :]
    return max(
        statistics.mean(getattr(getattr(getattr(look, kind), held), part) for look in looks)
        for kind in kinds(result)
    )


def reached(result: Result, target: float, held: str) -> Point | None:
    """The first look at which the mean node is that good."""
    for point in result.curve:
        if any(getattr(getattr(point, kind), held).mean >= target for kind in kinds(result)):
            return point
    return None


def outcome(result: Result, target: float, held: str = "test") -> Outcome:
    """What the table says of one run."""
    point = reached(result, target, held)
    sent = sum(result.sent_bytes)
    return Outcome(
        final=final(result, held),
        worst=final(result, held, "worst"),
        kilobytes=point.sent_bytes / 1000 if point else math.inf,
        rounds=point.rounds if point else math.inf,
        frame_bytes=sent / result.frames,
        total_kilobytes=sent / NODES / 1000,
    )


def measure(task: Task, partition: str, seeds: Iterable[int]) -> dict[str, list[Outcome]]:
    """Every scheme on every seed, FedAvg first, by name."""
    found: dict[str, list[Outcome]] = {}
    for seed in seeds:
        central = simulate(task, FEDAVG, partition, seed)
        target = final(central, "test") - 0.01
        found.setdefault(FEDAVG.name, []).append(outcome(central, target))
        for scheme in task.schemes:
            result = simulate(task, scheme, partition, seed)
            found.setdefault(scheme.name, []).append(outcome(result, target))
    return found


def mean(outcomes: Sequence[Outcome], name: str) -> float:
    """Over seeds; infinite when one seed did not get there."""
    return statistics.mean(getattr(each, name) for each in outcomes)


def at_least(outcomes: Sequence[Outcome]) -> float:
    """Mean kB to target, where a run that did not get there counts with all that it sent."""
    return statistics.mean(min(each.kilobytes, each.total_kilobytes) for each in outcomes)


def table(found: dict[str, list[Outcome]], title: str) -> str:
    """Markdown, cheapest last as in the list of schemes."""
    lines = [
        f"{title}",
        "",
        "| scheme | bytes a message | kB to target (by seed) | rounds | final | worst node |",
        "|---|---|---|---|---|---|",
    ]
    for name, outcomes in found.items():
        by_seed = ", ".join(_number(each.kilobytes) for each in outcomes)
        lines.append(
            f"| {name} | {mean(outcomes, 'frame_bytes'):.0f} | "
            f"{_number(mean(outcomes, 'kilobytes'))} ({by_seed}) | "
            f"{_number(mean(outcomes, 'rounds'))} | {mean(outcomes, 'final'):.4f} | "
            f"{mean(outcomes, 'worst'):.4f} |"
        )
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "-"


def judge(task: Task, kind: str, found: dict[str, list[Outcome]], figures: Figures) -> None:
    """The figures of one task and partition."""
    ours = task.schemes[-1]
    kilobytes = mean(found[ours.name], "kilobytes")
    figures.add(f"{task.name}-{kind}-anchored", kilobytes, "kB", "<=", task.limits[kind])
    by_name = {name: at_least(outcomes) for name, outcomes in found.items()}
    progress(f"{task.name} {kind}: {FEDAVG.name}: {by_name[FEDAVG.name] / kilobytes:.1f} x ours")
    for is_compressed in (False, True):
        rivals = [s.name for s in task.schemes[:-1] if s.compressed == is_compressed]
        if not rivals:
            continue
        best = min(rivals, key=by_name.__getitem__)
        ratio = by_name[best] / kilobytes
        label = "compressed" if is_compressed else "uncompressed"
        progress(f"{task.name} {kind}: best {label} gossip: {best}, {ratio:.1f} x ours")
        if task.ratio and not is_compressed:
            figures.add(f"{task.name}-{kind}-ratio", ratio, "x", ">=", task.ratio)
    gap = mean(found[FEDAVG.name], "final") - mean(found[ours.name], "final")
    figures.add(f"{task.name}-{kind}-gap-to-fedavg", 100 * gap, "points", "<=", 0.5)


CHOCO_GRID = ((0.02, 0.2), (0.05, 0.2), (0.1, 0.4), (0.1, 0.6), (0.2, 0.6), (0.2, 0.9), (0.5, 0.9))


def grid() -> list[Scheme]:
    """What --tune tries; local steps and learning rate are the same for all."""
    return [
        *(Scheme(f"CHOCO {r} {s}", f"choco:{s}", True, {"keep_ratio": r}) for r, s in CHOCO_GRID),
        *(Scheme(f"EL-Oracle {s}", f"el-oracle:{s}") for s in (1, 2, 4)),
        *(Scheme(f"EL-Local {s}", f"el-local:{s}") for s in (1, 2, 4)),
        *(Scheme(f"gossip learning {s}", f"hegedus:{s}", True) for s in (0.1, 0.25, 0.5)),
        *(Scheme(f"gossip learning {p}", f"hegedus-parts:{p}", True) for p in (2, 4, 10)),
        *(Scheme(f"anchored {r}", "gossip", True, {"keep_ratio": r}) for r in (0.005, 0.01, 0.02)),
    ]


def tune(task: Task) -> None:
    """Print kB to target on the validation rows, for every setting of the grid."""
    for partition in PARTITIONS.values():
        targets = {}
        for seed in TUNING_SEEDS:
            central = simulate(task, FEDAVG, partition, seed)
            targets[seed] = final(central, "validation") - 0.01
            print(f"{task.name} {partition} target {targets[seed]:.4f}", flush=True)
        for scheme in grid():
            found = [
                outcome(simulate(task, scheme, partition, seed), target, "validation")
                for seed, target in targets.items()
            ]
            kilobytes, accuracy = mean(found, "kilobytes"), mean(found, "final")
            line = f"{task.name} {partition} {scheme.name}: {kilobytes:.0f} kB"
            print(f"{line}, final {accuracy:.4f}", flush=True)


def main() -> None:
    """All figures, or with --quick those that take under a minute together."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed of digits, few schemes")
    parser.add_argument("--tune", action="store_true", help="print the grid of settings instead")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--task", choices=["digits", "mnist"], action="append")
    options = parser.parse_args()
    tasks = _tasks(options.task or ["digits", "mnist"], options.quick)
    if options.tune:
        for task in tasks:
            tune(task)
        return
    _bench(tasks, 1 if options.quick else options.seeds)


def _tasks(names: Sequence[str], quick: bool) -> list[Task]:
    if quick:
        task = digits_task()
        kept = [task.schemes[0], task.schemes[3], task.schemes[-1]]
        return [attrs.evolve(task, schemes=kept)]
    return [digits_task() if name == "digits" else mnist_task() for name in names]


def _bench(tasks: Sequence[Task], seeds: int) -> None:
    figures, everything = Figures(), {}
    for task in tasks:
        for kind, partition in PARTITIONS.items():
            found = measure(task, partition, range(seeds))
            title = f"{task.name}, {NODES} nodes, {partition}, {seeds} seeds, {task.rounds} rounds"
            print(table(found, title), end="\n\n", flush=True)
            everything[f"{task.name} {partition}"] = {
                name: [attrs.asdict(each) for each in outcomes] for name, outcomes in found.items()
            }
            judge(task, kind, found, figures)
    path = ROOT / "build" / "bench" / "gossip.json"
    path.write_text(json.dumps(everything, indent=1))
    progress(f"every seed's numbers: {path}")
    figures.finish()


if __name__ == "__main__":
    main()
