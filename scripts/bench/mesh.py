"""The first mesh in figures: real processes, real data, every byte on loopback.

Run it as scripts/bench/mesh [--quick].
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import trio
from attrs import frozen

sys.path.insert(0, str(Path(__file__).parent))

from datasets.digits import digits_files
from figures import Figures, progress
from loopback import enter_own_namespace, loopback_bytes
from places import ROOT

from gossipfl.data.sources import infer_schema
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.node.harness.demo import read_events
from gossipfl.node.harness.judge import Judge
from gossipfl.node.harness.parts import make_parts
from gossipfl.node.harness.swarm import Swarm, from_files
from gossipfl.node.harness.views import View
from gossipfl.node.kernels import warm_kernels

TARGET_ACCURACY = 0.95
NODES = 8
JOIN_S = 5.0
SEEDS = (0, 1, 2)
GOSSIPFL = (sys.executable, "-m", "gossipfl")


def main() -> None:
    """All figures, or with --quick those that need no demo: under a minute together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, no demo, no bare machine")
    parser.add_argument("--bytes-to-target", type=int, metavar="SEED", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bytes_to_target is not None:
        enter_own_namespace()
        print(json.dumps(attrs.asdict(trio.run(_bytes_to_target, arguments.bytes_to_target))))
        return
    quick = arguments.quick
    figures = Figures()
    progress("preparing kernels")
    warm_kernels()
    if not quick:
        measure_demo(figures, SEEDS)
        measure_bare_machine(figures)
    measure_join(figures)
    measure_lateness(figures, seconds=6 if quick else 40)
    measure_bytes(figures, SEEDS[:1] if quick else SEEDS)
    figures.finish()


def measure_demo(figures: Figures, seeds: tuple[int, ...]) -> None:
    """The demo's report, over seeds."""
    gains, gaps, walls = [], [], []
    for seed in seeds:
        progress(f"demo, seed {seed}")
        started_s = time.monotonic()
        report = _json(*GOSSIPFL, "demo", "--json", "--seed", str(seed))
        walls.append(time.monotonic() - started_s)
        mesh = statistics.mean(report["mesh"])
        gains.append(100 * (mesh - statistics.mean(report["lone"])))
        gaps.append(100 * (report["pooled"] - mesh))
        progress(
            f"mesh {mesh:.3f} (worst {min(report['mesh']):.3f}), "
            f"lone {statistics.mean(report['lone']):.3f}, pooled {report['pooled']:.3f}, "
            f"{statistics.mean(report['sent_bytes']) / 1000:.1f} kB per node, {walls[-1]:.1f} s"
        )
    figures.add("demo-gain-over-lone", statistics.mean(gains), "points", ">=", 10)
    figures.add("demo-gap-to-pooled", statistics.mean(gaps), "points", "<=", 2)
    figures.add("demo-warm", max(walls), "s", "<=", 60)


def measure_bare_machine(figures: Figures) -> None:
    """scripts/demo in a fresh checkout: no environment, no compiled kernel, wheels downloaded."""
    progress("bare machine: downloading wheels")
    with tempfile.TemporaryDirectory() as directory:
        wheels, checkout = Path(directory) / "wheels", Path(directory) / "checkout"
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheels))
        subprocess.run([*pip, str(ROOT), "setuptools>=77", "wheel"], check=True, stdout=sys.stderr)
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
        environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
        environment["PYTHON"] = shutil.which("python3") or sys.executable
        progress("bare machine: scripts/demo")
        started_s = time.monotonic()
        demo = [str(checkout / "scripts" / "demo"), "--json"]
        subprocess.run(demo, check=True, env=environment, stdout=subprocess.DEVNULL)
        figures.add("demo-bare", time.monotonic() - started_s, "s", "<=", 150)


def measure_join(figures: Figures) -> None:
    """A fourth node joins three that are at rest between rounds: launch to first exchange."""
    progress("a node joins a running mesh")
    figures.add("join", trio.run(_join), "s", "<=", 3)


async def _join() -> float:
    with _digits_swarm(nodes=4, seed=0) as task:
        newcomer = task.swarm.members.pop()
        async with task.swarm.running("--interval-s", "2"):
            await _wait_until(task.swarm, lambda views: min(_rounds(views)) >= 2)
            launched_s = time.time()
            task.swarm.members.append(newcomer)
            await task.swarm.start(newcomer, "--interval-s", "2")
            await trio.sleep(JOIN_S)
        return _first_exchange(newcomer.events, launched_s)


def _first_exchange(events: Path, launched_s: float) -> float:
    """Seconds from launch to the event, by the clock that both processes share."""
    times = [e["time_s"] for e in read_events(events) if e["event"] == "exchange.first"]
    return float(times[0]) - launched_s if times else float("inf")


def measure_lateness(figures: Figures, seconds: float) -> None:
    """Two nodes, a core each as on devices of their own, training all the time."""
    progress(f"event loop while training, {seconds:.0f} s")
    figures.add("lateness-p999", trio.run(_lateness, seconds), "ms", "<=", 20)


async def _lateness(seconds: float) -> float:
    with _digits_swarm(nodes=2, seed=0) as task:
        async with task.swarm.running("--interval-s", "0.02", "--lateness-interval-s", "0.01"):
            await _wait_until(task.swarm, lambda views: min(_rounds(views)) >= 2)
            await trio.sleep(seconds)
            views = await task.swarm.views()
    for view in views:
        progress(f"{view.status['name']}: {view.status['lateness']}")
    return max(view.status["lateness"]["p999_ms"] for view in views)


def measure_bytes(figures: Figures, seeds: tuple[int, ...]) -> None:
    """Everything on lo until the mean node reaches 95 %, in a namespace of its own."""
    digits_files()
    found, memory = [], []
    for seed in seeds:
        progress(f"digits, {NODES} nodes, seed {seed}: bytes on loopback to 95 %")
        # A process of its own: threads of this one would stay in the namespace they started in.
        run = _json(sys.executable, __file__, "--bytes-to-target", str(seed))
        progress(
            f"{run['lo_bytes'] / 1e6:.3f} MB on lo, {run['sent_bytes'] / 1e6:.3f} MB of it sealed "
            f"frames; {run['rounds']} rounds, {run['time_s']:.1f} s, "
            f"mean {run['mean']:.3f}, worst node {run['worst']:.3f}"
        )
        if run["lo_bytes"] < run["sent_bytes"]:
            raise SystemExit("lo carried less than the nodes sent: the count is wrong")
        found.append(run["lo_bytes"] / 1e6)
        memory.append(run["memory_bytes"] / 1e6)
    figures.add("bytes-to-95", max(found), "MB", "<=", 0.5)
    figures.add("node-memory", max(memory), "MB", "<=", 160)


@frozen(kw_only=True)
class BytesRun:
    """One run to the target accuracy."""

    lo_bytes: int
    sent_bytes: int
    rounds: int
    time_s: float
    mean: float
    worst: float
    memory_bytes: int


async def _bytes_to_target(seed: int) -> BytesRun:
    start_bytes, started_s = loopback_bytes(), time.monotonic()
    with _digits_swarm(nodes=NODES, seed=seed) as task:
        async with task.swarm.running("--interval-s", "0.3", "--seed", str(seed)):
            while True:
                views = await task.swarm.views()
                lo_bytes = loopback_bytes() - start_bytes
                scores = [task.judge.score_view(view) for view in views]
                if statistics.mean(scores) >= TARGET_ACCURACY:
                    break
                if max(_rounds(views)) > 500:
                    raise SystemExit("the mesh did not reach 95 % in 500 rounds")
                await trio.sleep(0.2)
    return BytesRun(
        lo_bytes=lo_bytes,
        sent_bytes=sum(view.status["sent_bytes"] for view in views),
        rounds=max(_rounds(views)),
        time_s=time.monotonic() - started_s,
        mean=statistics.mean(scores),
        worst=min(scores),
        memory_bytes=max(view.status["memory_bytes"] for view in views),
    )


@frozen
class DigitsTask:
    """A swarm on the digits, in a temporary directory, and its judge."""

    swarm: Swarm
    judge: Judge
    directory: tempfile.TemporaryDirectory[str]

    def __enter__(self) -> "DigitsTask":
        return self

    def __exit__(self, *_: object) -> None:
        self.directory.cleanup()


def _digits_swarm(nodes: int, seed: int) -> DigitsTask:
    """MLP 64-32-10, Dirichlet(0.5) over `nodes`; the data split is the same for every seed."""
    train, test = digits_files()
    directory = tempfile.TemporaryDirectory(prefix="gossipfl-bench-")
    manifest = Manifest(
        cluster="digits",
        schema=infer_schema(train),
        standardise="none",
        layers=perceptron((32,)),
        seed=seed,
        keep_ratio=0.05,
        training=TrainingSettings(learning_rate=0.3, batch_size=16, local_steps=20),
    )
    path = Path(directory.name)
    parts = make_parts(
        train, test, manifest.schema, "dirichlet:0.5", nodes, None, path / "parts", seed=0
    )
    swarm = Swarm(path, manifest, from_files(parts.files))
    swarm.link_by_mdns(view=4)
    return DigitsTask(swarm, Judge(manifest, parts.test), directory)


def _rounds(views: list[View]) -> list[int]:
    return [view.status["rounds"] for view in views]


async def _wait_until(swarm: Swarm, ready: Callable[[list[View]], bool]) -> None:
    while True:
        if ready(await swarm.views()):
            return
        await trio.sleep(0.2)


def _json(*command: str) -> dict[str, Any]:
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


if __name__ == "__main__":
    main()
