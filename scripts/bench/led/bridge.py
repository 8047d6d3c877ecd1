"""Two islands that train apart for half of a run, and heal through one node that reaches both.

In one run both islands gossip; in others the second is led by a seed, which the bridge visits, or
which led the bridge itself, until that reached the first island.  Beside them the same nodes in one
mesh; beside islands one of which is led, the same islands with their bridge from the start.
"""

import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import trio
import trio.testing
from attrs import field, frozen
from datasets.digits import digits_files
from figures import Figures, progress

from gossipfl.central.settings import CoordinatorSettings
from gossipfl.data.sources import infer_schema
from gossipfl.learning.settings import TrainingSettings
from gossipfl.learning.training import Trainer
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.node.harness.parts import Shares, share_out
from gossipfl.node.kernels import warm_kernels
from led.counting import CountingLearner
from led.islands import Cluster, Islands

NODES, LOOKS = 8, 20
Kind = Literal["whole", "bridge", "led-whole", "led-bridge", "led-returning"]


@frozen
class Sizes:
    """Seconds of a run, in which a node makes a round each; and runs of each kind."""

    run_s: float
    seeds: int


FULL, QUICK = Sizes(600.0, 3), Sizes(200.0, 1)


@frozen
class Found:
    """accuracy: of the mean node at the end; at_half: before the islands are joined.

    drift: how far the weighted mean of all models was, at the worst look since then, from where
        local steps alone have taken it, over its length.
    bridged: exchanges that crossed.
    """

    accuracy: float = field(repr=lambda value: f"{value:.4f}")
    at_half: float = field(repr=lambda value: f"{value:.4f}")
    drift: float = field(repr=lambda value: f"{value:.1e}")
    bridged: int


def measure(figures: Figures, quick: bool) -> None:
    """Both kinds of islands, and none."""
    sizes = QUICK if quick else FULL
    progress("preparing kernels")
    warm_kernels()
    digits_files()
    comparisons: dict[Kind, tuple[Kind, ...]] = {
        "whole": ("bridge",),
        "led-whole": ("led-bridge", "led-returning"),
    }
    for whole, kinds in comparisons.items():
        best = _accuracies(_runs(whole, sizes))
        for kind in kinds:
            runs = _runs(kind, sizes)
            behind = 100 * float(np.mean(best) - np.mean(_accuracies(runs)))
            figures.add(f"{kind}-drift", max(run.drift for run in runs), "", "<=", 1e-5)
            figures.add(f"{kind}-behind-whole", behind, "points", "<=", 1)


def _runs(kind: Kind, sizes: Sizes) -> list[Found]:
    return [_run(kind, seed, sizes.run_s) for seed in range(sizes.seeds)]


def _accuracies(runs: list[Found]) -> list[float]:
    return [run.accuracy for run in runs]


def _run(kind: Kind, seed: int, run_s: float) -> Found:
    """Equal arguments give equal results."""
    trio._core._run._r.seed(seed)
    clock = trio.testing.MockClock(autojump_threshold=0)
    with tempfile.TemporaryDirectory(prefix="gossipfl-bench-") as directory:
        found = trio.run(_live, Path(directory), kind, seed, run_s, clock=clock)
    progress(f"{kind}, seed {seed}: {found}")
    return found


async def _live(directory: Path, kind: Kind, seed: int, run_s: float) -> Found:
    manifest, shares = _task(seed)
    learners = [
        CountingLearner(Trainer(manifest.model(), part, None, manifest.training, seed=number))
        for number, part in enumerate(shares.parts)
    ]
    seeds = [CoordinatorSettings()] if kind.startswith("led") else []
    cluster = Cluster(directory, [*learners, *seeds], seed=seed, manifest=manifest, hints=False)
    nodes, rest = cluster.devices[:NODES], cluster.devices[NODES:]
    islands = Islands(cluster, nodes, rest, returns=kind == "led-returning")
    if not kind.endswith("whole"):
        islands.part()
    elif seeds:
        islands.join()
    async with cluster.open():
        await cluster.start()
        await trio.sleep(run_s / 2)
        at_half = _accuracy(islands, shares)
        before = await islands.mixed()
        if not kind.endswith("whole"):
            islands.join()
        drifts = [await _drift(islands, before, run_s / 2 / LOOKS) for _ in range(LOOKS)]
        return Found(_accuracy(islands, shares), at_half, max(drifts), islands.bridged)


async def _drift(islands: Islands, before: np.ndarray, after_s: float) -> float:
    await trio.sleep(after_s)
    gone = np.linalg.norm(await islands.mixed() - before)
    return float(gone / np.linalg.norm(await islands.mean()))


def _accuracy(islands: Islands, shares: Shares) -> float:
    scores = [islands.cluster.accuracy(device, shares.test) for device in islands.nodes]
    return float(np.mean(scores))


def _task(seed: int) -> tuple[Manifest, Shares]:
    train, test = digits_files()
    schema = infer_schema(train)
    manifest = Manifest(
        cluster="islands",
        schema=schema,
        standardise="none",
        layers=perceptron((32,)),
        keep_ratio=0.05,
        training=TrainingSettings(learning_rate=0.3),
    )
    return manifest, share_out(train, test, schema, "dirichlet:0.5", NODES, None, seed)
