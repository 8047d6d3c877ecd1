"""Bad settings and good ones released to a mesh of real nodes, in virtual time.

The nodes learn digits, each from its share, and hold a third of that back.  The bad settings have a
rate a hundred times as high; the good ones make twice the steps of half the batch.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import trio
import trio.testing
from datasets.digits import digits_files
from figures import Figures, progress
from led.islands import Cluster

from gossipfl.data.sources import infer_schema
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.node.harness.parts import share_out
from gossipfl.node.kernels import warm_kernels
from gossipfl.releases.publishing import Plan

LEARN_S, LIMIT_S = 60.0, 300.0
PLAN = Plan(stages=(0.2, 1.0), judge_s=20, tolerance=50)
BEFORE = TrainingSettings(learning_rate=0.1)
BAD: dict[str, Any] = {"learning_rate": 10.0}
GOOD: dict[str, Any] = {"local_steps": 10, "batch_size": 8}


def measure(figures: Figures, quick: bool) -> None:
    """The bad ones, then the good ones, in one mesh."""
    warm_kernels()
    trio._core._run._r.seed(0)
    clock = trio.testing.MockClock(autojump_threshold=0)
    with tempfile.TemporaryDirectory(prefix="gossipfl-bench-") as directory:
        trio.run(_live, Path(directory), figures, 10 if quick else 30, clock=clock)


async def _live(directory: Path, figures: Figures, nodes: int) -> None:
    train, test = digits_files()
    schema = infer_schema(train)
    manifest = Manifest(
        cluster="tuned",
        schema=schema,
        standardise="none",
        layers=perceptron((32,)),
        keep_ratio=0.05,
        training=BEFORE,
    )
    shares = share_out(train, test, schema, "iid", nodes, None, 0)
    cluster = Cluster(directory, shares.parts, seed=0, manifest=manifest, validation=0.33)

    def accuracy() -> float:
        return float(np.mean([cluster.accuracy(each, shares.test) for each in cluster.devices]))

    async with cluster.open():
        await cluster.start()
        await trio.sleep(LEARN_S)
        before = accuracy()
        progress(f"{nodes} nodes at {100 * before:.1f} %; settings with a rate of 10 are released")
        first = cluster.devices[0].running
        await first.take_release(cluster.settings_release(1, PLAN, **BAD))
        bad_s = await _until_all(cluster, "rolled-back")
        beyond = sum(
            device.count("settings.trying") > 0 and _release(device)["slice"] > 1
            for device in cluster.devices
        )
        trained = sum(device.count("settings.changed") for device in cluster.devices)
        lost = 100 * (before - accuracy())
        progress(f"rolled back everywhere after {bad_s:.0f} s; {lost:+.1f} points lost meanwhile")
        await first.take_release(cluster.settings_release(2, PLAN, **GOOD))
        good_s = await _until_all(cluster, "adopted")
        progress(f"good ones adopted by all after {good_s:.0f} s, at {100 * accuracy():.1f} %")
        adopted = sum(_release(device)["phase"] == "adopted" for device in cluster.devices)
    figures.add("settings-bad-beyond-first-slice", beyond, "nodes", "<=", 0)
    figures.add("settings-bad-trained-by", trained, "nodes", "<=", 0)
    figures.add("settings-bad-lost", lost, "points", "<=", 0.5)
    figures.add("settings-good-adopted", adopted / nodes, "share", ">=", 1)


def _release(device: Any) -> dict[str, Any]:
    found: dict[str, Any] | None = device.status()["settings_release"]
    return found or {"phase": "none"}


async def _until_all(cluster: Cluster, phase: str) -> float:
    """Seconds until all nodes are in this phase; infinite when that is beyond the limit."""
    start_s = trio.current_time()
    while trio.current_time() - start_s < LIMIT_S:
        await trio.sleep(1.0)
        if all(_release(device)["phase"] == phase for device in cluster.devices):
            return trio.current_time() - start_s
    return float("inf")
