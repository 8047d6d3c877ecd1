"""Eight node processes that have nobody but a seed, beside Flower's FedAvg.

The same model, rate, batches and data; Flower makes five epochs a round, ours as many steps on
every node as those are on the mean one.  Each in a network namespace of its own (root): bytes on
loopback, and wall time from the first launch, until the global model is right on 95 % of the test
digits.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import trio
from attrs import frozen
from datasets.digits import digits_files
from environments import ONE_THREAD, environment
from figures import Figures, progress
from loopback import enter_own_namespace, loopback_bytes

from gossipfl.data.sources import infer_schema
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.node.harness.judge import Judge
from gossipfl.node.harness.led import admit_seed
from gossipfl.node.harness.network import Loopback
from gossipfl.node.harness.parts import make_parts
from gossipfl.node.harness.swarm import Swarm, from_files
from gossipfl.node.kernels import warm_kernels

HERE = Path(__file__).parents[1]
RIVAL = Path(__file__).with_name("flower.py")
REQUIREMENTS = ("flwr==1.17.0", "numpy<3")
# What Flower was measured to need when the target was set.
FLOWER_MB = 1.17
RUNS = 3
NODES, TARGET, ROUNDS_MAX = 8, 0.95, 60
EPOCHS, BATCH, RATE = 5, 16, 0.3


@frozen(kw_only=True)
class Run:
    """One run to the target: memory of the largest process, CPU seconds of all together."""

    lo_bytes: int
    wall_s: float
    rounds: int
    accuracy: float
    cpu_s: float
    memory_bytes: int


def measure(figures: Figures, quick: bool) -> None:
    """Both in turn, so that a busy machine slows both."""
    progress("preparing kernels")
    warm_kernels()
    digits_files()
    environment("flower-1.17", *REQUIREMENTS)
    found: dict[str, list[Run]] = {"ours": [], "flower": []}
    for seed in range(1 if quick else RUNS):
        for kind, runs in found.items():
            command = [sys.executable, "-m", "led.digits", kind, str(seed)]
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=HERE)
            runs.append(Run(**json.loads(run.stdout)))
            progress(f"{kind}, seed {seed}: {runs[-1]}")
    ours, flower = found["ours"], found["flower"]
    most = max(run.lo_bytes for run in ours) / 1e6
    theirs = statistics.mean(run.lo_bytes for run in flower) / 1e6
    progress(f"Flower's bytes: {theirs:.2f} MB here, {FLOWER_MB} MB when the target was set")
    wall = statistics.median(run.wall_s for run in ours)
    figures.add("seed-bytes-to-95", most, "MB", "<=", FLOWER_MB / 5)
    figures.add("seed-bytes-over-flower", most / theirs, "", "<=", 0.2)
    figures.add(
        "seed-wall-over-flower",
        wall / statistics.median(run.wall_s for run in flower),
        "",
        "<=",
        1.0,
    )


async def _ours(seed: int) -> Run:
    train, test = digits_files()
    with tempfile.TemporaryDirectory(prefix="gossipfl-bench-") as name:
        directory = Path(name)
        manifest, files, judge = _task(directory, train, test, seed)
        swarm = Swarm(directory, manifest, from_files(files))
        (address,) = Loopback().addresses(1)
        for number, member in enumerate(swarm.members):
            member.arguments += [
                *Loopback().options(number),
                "--peer",
                address,
                "--seed",
                str(seed),
            ]
            member.arguments += ["--no-mdns", "--no-hints", "--interval-s", "0.02"]
            member.arguments += ["--seed", str(seed)]
            member.arguments += ["--fallback-after-s", "0.2", "--validation", "0"]
        centre = admit_seed(swarm, address)
        start_bytes, started_s = loopback_bytes(), time.monotonic()
        async with swarm.running():
            rounds = -1
            while True:
                await trio.sleep(0.05)
                if (await centre.ask("status"))["rounds"] == rounds:
                    continue
                view = await swarm.view(centre)
                assert view is not None
                rounds = view.status["rounds"]
                lo_bytes, wall_s = loopback_bytes() - start_bytes, time.monotonic() - started_s
                accuracy = judge.score_view(view)
                if accuracy >= TARGET:
                    break
                if rounds > ROUNDS_MAX:
                    raise SystemExit(f"{accuracy:.3f} after {ROUNDS_MAX} rounds")
            views = await swarm.views()
        assert all(each.status["mode"] == "central" for each in views[1:])
        return Run(
            lo_bytes=lo_bytes,
            wall_s=wall_s,
            rounds=rounds,
            accuracy=accuracy,
            cpu_s=_children_cpu_s(),
            memory_bytes=max(each.status["memory_bytes"] for each in views),
        )


def _task(
    directory: Path, train: Path, test: Path, seed: int
) -> tuple[Manifest, tuple[Path, ...], Judge]:
    schema = infer_schema(train)
    with np.load(train) as file:
        steps = round(EPOCHS * len(file["y"]) / NODES / BATCH)
    manifest = Manifest(
        cluster="digits",
        schema=schema,
        standardise="none",
        layers=perceptron((32,)),
        seed=seed,
        training=TrainingSettings(learning_rate=RATE, batch_size=BATCH, local_steps=steps),
    )
    parts = make_parts(
        train, test, schema, "dirichlet:0.5", NODES, None, directory / "parts", seed=0
    )
    return manifest, tuple(parts.files), Judge(manifest, parts.test)


def _flower(seed: int) -> Run:
    train, test = digits_files()
    python = str(environment("flower-1.17", *REQUIREMENTS))
    with tempfile.TemporaryDirectory(prefix="gossipfl-bench-") as name:
        _, files, _ = _task(Path(name), train, test, seed)
        (address,) = Loopback().addresses(1)
        start_bytes, started_s = loopback_bytes(), time.time()
        server = subprocess.Popen(
            [python, str(RIVAL), "server", address, str(test), str(NODES), "60", str(TARGET)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_quiet(),
        )
        clients = [
            subprocess.Popen(
                [python, str(RIVAL), "client", address, str(file), str(seed * NODES + number)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_quiet(),
            )
            for number, file in enumerate(files)
        ]
        told, _ = server.communicate(timeout=300)
        for client in clients:
            client.terminate()
            client.wait()
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return Run(
        lo_bytes=found["lo_bytes"] - start_bytes,
        wall_s=found["time_s"] - started_s,
        rounds=found["rounds"],
        accuracy=found["accuracy"],
        cpu_s=_children_cpu_s(),
        memory_bytes=found["memory_bytes"],
    )


def _quiet() -> dict[str, str]:
    return {**os.environ, **ONE_THREAD, "FLWR_TELEMETRY_ENABLED": "0"}


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """One run, in a namespace of its own; a JSON line."""
    kind, seed = sys.argv[1:]
    enter_own_namespace()
    found = trio.run(_ours, int(seed)) if kind == "ours" else _flower(int(seed))
    print(json.dumps(attrs.asdict(found)))


if __name__ == "__main__":
    main()
