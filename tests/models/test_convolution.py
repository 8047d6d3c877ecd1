"""Layers over images and windows: what shapes they make, what they refuse, and that they learn."""

import attrs
import numpy as np
import pytest

from gossipfl.data.dataset import Dataset
from gossipfl.errors import ConfigError, LocalProtocolError
from gossipfl.kernels import layout
from gossipfl.learning.training import Trainer, TrainingSettings
from gossipfl.models.declaration import declare, describe
from gossipfl.models.layers import (
    AveragePool1D,
    AveragePool2D,
    Conv1D,
    Conv2D,
    Dense,
    GlobalAverage,
    GroupNorm,
    MaxPool1D,
    MaxPool2D,
    ReLU,
)
from gossipfl.models.sequential import Sequential


@pytest.mark.parametrize(
    ("layer", "shape", "result"),
    [
        (Conv2D(4, 3), (7, 6, 2), (7, 6, 4)),
        (Conv2D(4, 3, padding="valid"), (7, 6, 2), (5, 4, 4)),
        (Conv2D(4, 3, stride=2), (7, 6, 2), (4, 3, 4)),
        (Conv2D(4, 3, stride=2, padding="valid"), (8, 6, 2), (3, 2, 4)),
        (Conv2D(1, 9), (2, 2, 1), (2, 2, 1)),
        (Conv1D(5, 4), (9, 3), (9, 5)),
        (Conv1D(5, 4, stride=3, padding="valid"), (9, 3), (2, 5)),
        (MaxPool2D(2), (7, 6, 3), (3, 3, 3)),
        (AveragePool2D(3), (7, 6, 3), (2, 2, 3)),
        (MaxPool1D(4), (9, 3), (2, 3)),
        (AveragePool1D(1), (9, 3), (9, 3)),
        (GroupNorm(3), (7, 6, 3), (7, 6, 3)),
        (GlobalAverage(), (7, 6, 3), (3,)),
        (GlobalAverage(), (7, 3), (3,)),
    ],
)
def test_shapes_and_declarations(layer, shape, result):
    assert layer.bind(shape).shape == result
    assert declare(describe(layer)) == layer


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        ([Dense(4), Conv2D(2, 3)], (9,), r"layer 2: Conv2D takes images .*not the shape \(4,\)"),
        ([Conv1D(2, 3)], (9, 9, 1), r"layer 1: Conv1D takes windows \(times, channels\)"),
        ([Conv2D(0, 3)], (9, 9, 1), "Conv2D needs a positive integer"),
        ([Conv2D(2, 3.0)], (9, 9, 1), "Conv2D needs a positive integer"),
        ([Conv2D(2, 65)], (9, 9, 1), "kernels and strides up to 64"),
        ([Conv2D(2, 3, stride=65)], (9, 9, 1), "kernels and strides up to 64"),
        ([Conv2D(2, 3, padding="full")], (9, 9, 1), "padding is same or valid, not 'full'"),
        ([Conv2D(2, 5, padding="valid")], (9, 4, 1), 'kernel of 5 needs padding "same"'),
        ([MaxPool2D(5)], (9, 4, 1), "MaxPool2D: a size of 5 does not fit into a side of 4"),
        ([AveragePool1D(10)], (9, 4), "AveragePool1D: a size of 10 does not fit"),
        ([MaxPool2D(2)], (9, 4), "MaxPool2D takes images"),
        ([GroupNorm(4)], (9, 6), "GroupNorm cannot make 4 equal groups of 6 channels"),
        ([GroupNorm(1)], (6,), r"GroupNorm takes \(..., channels\)"),
        ([GlobalAverage()], (9,), r"GlobalAverage takes \(..., channels\)"),
    ],
)
def test_what_does_not_fit_is_refused(layers, shape, message):
    with pytest.raises(ConfigError, match=message):
        Sequential(*layers, Dense(2), shape=shape, loss="cross-entropy")


MODEL = Sequential(
    *(Conv2D(3, 3, stride=2), MaxPool2D(2), GroupNorm(3), Dense(2)),
    shape=(9, 8, 2),
    loss="cross-entropy",
)
# Columns of their geometry that the kernels of a row read.
READ = {row: range(layout.GEOMETRY, layout.GEOMETRY + used) for row, used in enumerate((7, 4, 2))}


@pytest.mark.parametrize(("row", "column"), [(row, c) for row in READ for c in READ[row]])
@pytest.mark.parametrize("value", [-1, 0, 10**9])
def test_damaged_geometry_is_refused(row, column, value):
    plan = MODEL.plan(4)
    table = plan.table.copy()
    table[row, column] = value
    with pytest.raises(LocalProtocolError):
        attrs.evolve(plan, table=table)


def bars(rows=120, size=10):
    """Noisy images of one bar each, upright or lying: told apart only by neighbourhoods."""
    rng = np.random.default_rng(0)
    classes = np.arange(rows) % 2
    images = rng.normal(0, 0.3, (rows, size, size))
    for image, class_ in zip(images, classes, strict=True):
        y, x = rng.integers(0, size - 4, 2)
        image[(slice(y, y + 4), x) if class_ else (y, slice(x, x + 4))] += 1.5
    return _dataset(images, classes)


def bumps(rows=120, times=30):
    """Windows with a rising or a falling ramp somewhere."""
    rng = np.random.default_rng(0)
    classes = np.arange(rows) % 2
    windows = rng.normal(0, 0.2, (rows, times, 2))
    for window, class_ in zip(windows, classes, strict=True):
        start = rng.integers(0, times - 6)
        window[start : start + 6, 0] += np.linspace(0, 2, 6)[:: 1 if class_ else -1]
    return _dataset(windows, classes)


def _dataset(examples, classes):
    features = examples.reshape(len(examples), -1).astype(np.float32)
    names = tuple(f"x{i}" for i in range(features.shape[1]))
    return Dataset(features=features, targets=classes, columns=names, source="drawn")


@pytest.mark.parametrize(
    ("layers", "shape", "dataset"),
    [
        ([Conv2D(4, 3), GroupNorm(2), MaxPool2D(2), ReLU(), GlobalAverage()], (10, 10, 1), bars()),
        ([Conv1D(6, 5), ReLU(), MaxPool1D(26)], (30, 2), bumps()),
    ],
)
def test_convolutions_learn_patterns_wherever_they_are(layers, shape, dataset):
    model = Sequential(*layers, Dense(2), shape=shape, loss="cross-entropy")
    settings = TrainingSettings(optimizer="adam", learning_rate=0.02, local_steps=80)
    learner = Trainer(model, dataset, dataset, settings, seed=1)
    parameters = model.initial(0)
    for _ in range(4):
        parameters = learner.fit(parameters, np.zeros_like(parameters)).parameters
    assert learner.evaluate(parameters).accuracy > 0.95
