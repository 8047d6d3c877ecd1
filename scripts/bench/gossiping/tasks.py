"""Data sets and models, by name, so that a run can be told to another process in one word."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import attrs
import numpy as np
from attrs import frozen
from datasets.digits import digits_files
from datasets.mnist import mnist_files

from gossipfl.data.sources import infer_schema, read
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.simulation.population import Rows, split_rows

VALIDATION = 0.15
ISLANDERS = 16


@frozen
class Task:
    """Rows (training, validation, test) and the manifest that all schemes start from."""

    rows: Rows
    manifest: Manifest


@cache
def make_task(name: str) -> Task:
    """The task of that name, fetched on first use."""
    return TASKS[name]()


def _digits() -> Task:
    """MLP 64-64-10, 4,810 parameters."""
    return _load(digits_files(), hidden=64, local_steps=5, learning_rate=0.2)


def _mnist() -> Task:
    """MLP 784-60-10, 47,710 parameters, 191 kB.  The rate is FedAvg's best (--tune)."""
    return _load(mnist_files(), hidden=60, local_steps=10, learning_rate=0.3)


def _islands() -> Task:
    """The digits, in groups: the first eight nodes have classes 0 to 4, the others 5 to 9."""
    task = _digits()
    targets, half = task.rows.train.targets, ISLANDERS // 2
    drawn = np.random.default_rng(0).integers(half, size=len(targets))
    groups = drawn + half * (targets >= 5)
    return attrs.evolve(task, rows=attrs.evolve(task.rows, groups=groups))


TASKS: dict[str, Callable[[], Task]] = {"digits": _digits, "mnist": _mnist, "islands": _islands}


def _load(files: tuple[Path, Path], hidden: int, local_steps: int, learning_rate: float) -> Task:
    train, test = files
    schema = infer_schema(train)
    data, held = (read(path, schema=schema) for path in (train, test))
    training = TrainingSettings(learning_rate=learning_rate, batch_size=16, local_steps=local_steps)
    manifest = Manifest(
        cluster="bench",
        schema=schema,
        standardise="none",
        layers=perceptron((hidden,)),
        training=training,
    )
    return Task(split_rows(data, held, None, VALIDATION, seed=0), manifest)
