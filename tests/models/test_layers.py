"""Declared models: shapes, what is refused, how they start, and that they learn."""

import numpy as np
import pytest

from gossipfl.data.dataset import Dataset
from gossipfl.errors import ConfigError
from gossipfl.learning.training import Trainer, TrainingSettings
from gossipfl.models.declaration import declare, describe
from gossipfl.models.layers import (
    GRU,
    Dense,
    Dropout,
    FakeQuantise,
    FastGRNN,
    GlobalAverage,
    LayerNorm,
    Positions,
    Sigmoid,
    Tanh,
    TransformerBlock,
)
from gossipfl.models.sequential import Sequential, natural_shape

TRANSFORMER = (Dense(8, each=True), Positions(), TransformerBlock(2, 16), GlobalAverage())


def sequential(*layers, shape=(8,), loss="cross-entropy"):
    return Sequential(*layers, shape=shape, loss=loss)


def test_tensors_cover_the_vector():
    model = sequential(GRU(4), LayerNorm(), Tanh(), Dense(2), shape=(5, 3))
    names = [name for name, _, _ in model.tensors]
    assert names == ["W1", "U1", "b1", "c1", "g2", "b2", "W3", "b3"]
    assert [start for _, start, _ in model.tensors][1:] == [stop for *_, stop in model.tensors][:-1]
    assert model.tensors[-1][2] == model.parameters == 36 + 48 + 24 + 8 + 10
    assert model.plan(3).parameters == model.parameters


def test_transformers_keep_the_shape_of_a_window():
    model = sequential(*TRANSFORMER, Dense(2), shape=(12, 2))
    shapes = [bound.shape for bound in model.bound]
    assert shapes == [(12, 8), (12, 8), (12, 8), (8,), (2,)]
    block = 4 * 8 * 8 + 2 * 8 * 16 + 6 * 8 + 16
    assert model.parameters == 2 * 8 + 8 + 12 * 8 + block + 8 * 2 + 2
    assert model.plan(3).parameters == model.parameters


@pytest.mark.parametrize(
    ("layer", "plain"),
    [
        (Dense(4), {"layer": "Dense", "units": 4}),
        (Dense(4, each=True), {"layer": "Dense", "units": 4, "each": True}),
        (Positions(), {"layer": "Positions"}),
        (TransformerBlock(2, 8), {"layer": "TransformerBlock", "heads": 2, "hidden": 8}),
        (FakeQuantise(signed=False), {"layer": "FakeQuantise", "signed": False}),
        (Dropout(0.5), {"layer": "Dropout", "rate": 0.5}),
    ],
)
def test_plain_maps_hold_only_what_was_chosen(layer, plain):
    assert describe(layer) == plain
    assert declare(plain) == layer


def test_layers_start_where_they_should():
    model = sequential(FastGRNN(4), LayerNorm(), Dense(2), shape=(5, 3))
    start = {name: model.initial(0)[a:b] for name, a, b in model.tensors}
    assert (start["b1"] == 1).all()
    assert (start["zeta1"], start["nu1"]) == (1, -4)
    assert (start["g2"] == 1).all()
    assert not start["b2"].any()
    assert 0.2 < np.abs(start["U1"]).max() <= 0.5


def test_summary_shows_shapes_and_costs():
    model = sequential(GRU(32), Dense(6), shape=(50, 9))
    assert model.summary() == (
        "50x9 GRU 32 Dense 6, cross-entropy, 4,326 parameters, 17,304 bytes, 196,992 multiply-adds"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sequential(), "1 to 64 layers"),
        (lambda: sequential(Dense(0)), "layer 1: Dense needs a positive integer"),
        (
            lambda: sequential(Dense(4), GRU(3)),
            r"layer 2: GRU takes windows .*\(4,\)",
        ),
        (lambda: sequential(FastGRNN(2.0), shape=(4, 2)), "positive integer"),
        (lambda: sequential(Dense(1)), "at least 2 classes"),
        (lambda: sequential(FakeQuantise(1), Dense(2)), "signed = true or false, not 1"),
        (lambda: sequential(Dense(4, each=1)), "each = true or false, not 1"),
        (lambda: sequential(TransformerBlock(3, 8), shape=(5, 4)), "4 channels among 3 heads"),
        (lambda: sequential(TransformerBlock(1, 8)), r"takes windows .*\(8,\)"),
        (lambda: sequential(TransformerBlock(2, 0), shape=(5, 4)), "positive integer"),
        (lambda: sequential(Dropout(1.0)), "layer 1: Dropout needs a rate"),
        (lambda: sequential(Dropout("a")), "below 1, not 'a'"),
        (lambda: sequential(Dense(2), shape=(0,)), "positive integer"),
        (lambda: sequential(Dense(2), shape=()), "1 to"),
        (lambda: sequential(Dense(2), loss="hinge"), "loss is"),
        (lambda: sequential(Dense(6000)), "54,000 parameters.*at most 51,200"),
        (lambda: sequential(Sigmoid(), shape=(2**20, 2)), "1 to 1048576 entries"),
    ],
)
def test_bad_models_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def waves(rows=160):
    """Windows of a slow and a fast wave, told apart only by their order in time."""
    rng = np.random.default_rng(0)
    classes = np.arange(rows) % 2
    phase, time = rng.uniform(0, 6, (rows, 1)), np.arange(12)
    values = np.sin(phase + time * np.where(classes, 0.5, 1.2)[:, None])
    features = np.stack([values, rng.normal(0, 0.1, values.shape)], axis=2).reshape(rows, 24)
    names = tuple(f"x{i}" for i in range(24))
    features = features.astype(np.float32)
    return Dataset(features=features, targets=classes, columns=names, source="waves")


@pytest.mark.parametrize("layers", [(GRU(8),), (FastGRNN(8),), TRANSFORMER])
def test_models_learn_the_order_in_time(layers):
    model = sequential(*layers, Dense(2), shape=(12, 2))
    settings = TrainingSettings(optimizer="adam", learning_rate=0.02, local_steps=40)
    learner = Trainer(model, waves(), waves(), settings, seed=1)
    parameters = model.initial(0)
    for _ in range(6):
        parameters = learner.fit(parameters, np.zeros_like(parameters)).parameters
    assert learner.evaluate(parameters).accuracy > 0.95


def test_layers_that_learn_are_named_as_their_tensors_are():
    model = sequential(GRU(4), Tanh(), LayerNorm(), Dense(2), shape=(5, 3))
    assert model.names == ("GRU1", "Tanh", "LayerNorm2", "Dense3")


class Images:
    """A layer that takes (height, width, channels) only."""

    def bind(self, shape):
        if len(shape) != 3:
            raise ConfigError("images only")
        return Dense(2).bind(shape)


def test_pictures_without_channels_have_one():
    assert natural_shape([Images()], (4, 4)) == (4, 4, 1)
    assert natural_shape([Images()], (4, 4, 3)) == (4, 4, 3)
    assert natural_shape([Dense(3)], (4, 4)) == (4, 4)
    # A row of columns is no window: nothing says that they follow each other in time.
    assert natural_shape([GRU(3)], (4,)) == (4,)
