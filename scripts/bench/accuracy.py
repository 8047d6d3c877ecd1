"""Accuracy on real data, beside PyTorch with the same layers, optimizer, schedule and steps.

Ours is what `gossipfl train` prints; means over seeds.  With a seed, both start from the
same values and see the same batches, so that what differs is the arithmetic, not the luck.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from accuracy_tasks import TASKS, Task
from attrs import asdict, frozen
from datasets.packages import Pair
from environments import ONE_THREAD, environment
from figures import Figures, progress
from places import ROOT

from gossipfl.data.sources import infer_schema
from gossipfl.learning.sampling import Sampler
from gossipfl.learning.schedules import FLOOR
from gossipfl.models.declaration import declare
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Sequential

REQUIREMENTS = ("torch==2.13.0", "numpy==2.4.6")
SEEDS = 3
GAP_MAX = 0.5  # points that the rival may be better
AHEAD_MIN = 2.0  # points that models of time must be better than the multilayer perceptron


@frozen
class Scores:
    """Of one trainer, by seed, in points; and the wall seconds of one training."""

    points: tuple[float, ...]
    seconds: float

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return float(np.mean(self.points))

    def __str__(self) -> str:
        return f"{self.mean:8.2f} +-{np.std(self.points):5.2f}{self.seconds:7.1f}"


def main() -> None:
    """Train everything twice, print the table, and end with the figures."""
    arguments = parse()
    tasks = [task for task in TASKS if task.quick or not arguments.quick]
    seeds = range(1 if arguments.quick else SEEDS)
    python = environment("accuracy", *REQUIREMENTS)
    figures, found = Figures(), {}
    print(f"{'':20}{'gossipfl':>16}{'s':>7}{'PyTorch':>16}{'s':>7}{'gap':>8}")
    for task in tasks:
        ours, rival = compare(task, list(seeds), python)
        found[task.name] = ours.mean
        gap = rival.mean - ours.mean
        print(f"{task.name:20}{ours}{rival}{gap:8.2f}", flush=True)
        figures.add(f"{task.name}_gap", gap, "points", "<=", GAP_MAX)
    for name in ("gru", "conv1d"):
        if f"watch_{name}" in found:
            ahead = found[f"watch_{name}"] - found["watch_mlp"]
            figures.add(f"watch_{name}_over_mlp", ahead, "points", ">=", AHEAD_MIN)
    figures.finish()


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench/accuracy",
        description="Accuracy on real data beside PyTorch with the same layers and steps; for "
        "household power, R squared times 100.",
        epilog="Exits with status 1 when a figure is short of its target.",
    )
    parser.add_argument("--quick", action="store_true", help="small tasks, one seed")
    return parser.parse_args()


def compare(task: Task, seeds: list[int], python: Path) -> tuple[Scores, Scores]:
    """(ours, the rival's)."""
    files = task.files()
    rows = len(np.load(files[0])["y"])
    steps = task.epochs * math.ceil(rows / task.batch)
    ours, rival = [], []
    for seed in seeds:
        progress(f"{task.name}, seed {seed}: {steps} steps")
        ours.append(timed(train_ours, task, files, steps, seed))
        rival.append(timed(train_rival, task, files, steps, seed, python))
    return scores(ours), scores(rival)


def timed(train: Callable[..., float], *arguments: Any) -> tuple[float, float]:
    """(points, wall seconds)."""
    start = time.monotonic()
    return 100 * train(*arguments), time.monotonic() - start


def scores(runs: list[tuple[float, float]]) -> Scores:
    """Of all seeds."""
    points, seconds = zip(*runs, strict=True)
    return Scores(points, float(np.mean(seconds)))


def train_ours(task: Task, files: Pair, steps: int, seed: int) -> float:
    """`gossipfl train` on a model file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.toml"
        path.write_text(model_file(task, steps))
        command = [sys.executable, "-m", "gossipfl", "train", "--json", "--model", str(path)]
        command += ["--data", str(files[0]), "--test", str(files[1]), "--seed", str(seed)]
        command += ["--epochs", str(task.epochs), "--validation", "0", "--patience", "0"]
        test = json.loads(run(command))["test"]
    if "accuracy" in test:
        return test["accuracy"]
    [target] = test["targets"].values()
    return target["r_squared"]


def model_file(task: Task, steps: int) -> str:
    """The task in TOML."""
    lines = [f"standardise = {json.dumps(task.standardise)}"]
    lines += [f"shape = {list(task.shape)}"] if task.shape else []
    lines += ["layers = []"] if not task.layers else []
    for layer in task.layers:
        lines += ["[[layers]]", *(f"{key} = {json.dumps(value)}" for key, value in layer.items())]
    lines += ["[training]", 'optimizer = "adamw"', f'schedule = "cosine:{steps}"']
    lines += [f"learning_rate = {task.rate}", f"weight_decay = {task.weight_decay}"]
    lines += [f"clip_norm = {task.clip_norm}"]
    return "\n".join([*lines, f"batch_size = {task.batch}"])


def train_rival(task: Task, files: Pair, steps: int, seed: int, python: Path) -> float:
    """PyTorch, in an environment of its own."""
    plain = asdict(task) | {"files": None, "train": str(files[0]), "test": str(files[1])}
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "start.npz"
        np.savez(start, **same_start(task, files[0], steps, seed))
        plain |= {"start": str(start), "floor": FLOOR}
        script = Path(__file__).with_name("accuracy_rival.py")
        return json.loads(run([str(python), str(script)], json.dumps(plain)))["score"]


def same_start(task: Task, train: Path, steps: int, seed: int) -> dict[str, np.ndarray]:
    """Initial parameters f32[d], and batches i64[steps, batch] of rows, of this seed in ours."""
    schema = infer_schema(train)
    layers = [declare(layer) for layer in task.layers]
    shape = task.shape or (schema.inputs,)
    loss = "cross-entropy" if schema.classes else "squared-error"
    model = Sequential(*layers, Dense(schema.outputs), shape=shape, loss=loss)
    rows = len(np.load(train)["y"])
    batches = Sampler(rows, seed).draw(0, (steps, task.batch))
    return {"parameters": model.initial(seed), "batches": batches}


def run(command: list[str], text: str = "") -> str:
    """Standard output of a process with one thread."""
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(command, input=text, env=environment, capture_output=True, text=True)
    if found.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{found.stderr}")
    return found.stdout


if __name__ == "__main__":
    main()
