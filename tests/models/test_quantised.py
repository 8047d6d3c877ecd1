"""Where numbers are rounded, what is refused, and that models learn with it."""

import numpy as np
import pytest

from gossipfl.data.dataset import Dataset
from gossipfl.data.schema import Schema
from gossipfl.errors import ConfigError, LocalProtocolError
from gossipfl.kernels import layout
from gossipfl.learning.training import Trainer, TrainingSettings
from gossipfl.manifest import Manifest, decode_manifest
from gossipfl.models.layers import (
    GRU,
    AveragePool1D,
    Conv2D,
    Dense,
    Dropout,
    FakeQuantise,
    GlobalAverage,
    LayerNorm,
    MaxPool2D,
    ReLU,
)
from gossipfl.models.plan import Plan
from gossipfl.models.quantised import quantised
from gossipfl.models.sequential import Sequential

ROUND, ROUND_POSITIVE = FakeQuantise(), FakeQuantise(signed=False)


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ([Dense(2)], [ROUND, Dense(2)]),
        ([Dense(4), ReLU(), Dense(2)], [ROUND, Dense(4), ReLU(), ROUND_POSITIVE, Dense(2)]),
        ([Dense(4), Dense(2)], [ROUND, Dense(4), ROUND, Dense(2)]),
        (
            [ReLU(), Conv2D(2, 3), MaxPool2D(2), GlobalAverage(), Dropout(0.1), Dense(2)],
            [
                *(ReLU(), ROUND_POSITIVE, Conv2D(2, 3), MaxPool2D(2), ROUND, GlobalAverage()),
                *(Dropout(0.1), ROUND, Dense(2)),
            ],
        ),
        (
            [Dense(3), ReLU(), AveragePool1D(2), Dense(1)],
            [ROUND, Dense(3), ReLU(), ROUND_POSITIVE, AveragePool1D(2), ROUND_POSITIVE, Dense(1)],
        ),
    ],
)
def test_what_computes_has_rounded_numbers_in_front(layers, found):
    assert quantised(layers) == tuple(found)


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([GRU(3), Dense(2)], r'layer 1: GRU cannot run in int8, only Dense, .* quantise "none"'),
        ([Dense(3), LayerNorm(), Dense(2)], "layer 2: LayerNorm cannot run in int8"),
        ([ROUND, Dense(2)], "layer 1: FakeQuantise cannot"),
        ([Dense(3), ReLU()], "the last layer of an int8 model is Dense"),
        ([], "the last layer of an int8 model is Dense"),
    ],
)
def test_other_models_are_refused(layers, said):
    with pytest.raises(ConfigError, match=said):
        quantised(layers)


def manifest(**changes):
    schema = Schema(columns=("a", "b"), target="y", classes="01")
    return Manifest(cluster="home", schema=schema, **changes)


def test_manifests_agree_on_rounding():
    agreed = manifest(quantise="int8", layers=(Dense(3), ReLU()))
    assert [name for name, _, _ in agreed.model().tensors] == ["s1", "W2", "b2", "s3", "W4", "b4"]
    assert decode_manifest(agreed.body) == agreed
    plain = manifest(layers=(Dense(3), ReLU()))
    assert plain.id != agreed.id
    rounded = [bound.kind == layout.FAKE_QUANTISE for bound in agreed.model().bound]
    assert rounded == [True, False, False, True, False]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quantise": "int4"}, "quantise is none or int8, not 'int4'"),
        ({"quantise": "int8", "layers": (LayerNorm(),)}, "LayerNorm cannot run in int8"),
    ],
)
def test_manifests_refuse_what_cannot_be_rounded(changes, said):
    with pytest.raises(ConfigError, match=said):
        manifest(**changes)


def blobs(rows, spread=1.0):
    rng = np.random.default_rng(5)
    classes = rng.integers(0, 4, rows)
    centres = np.random.default_rng(6).normal(size=(4, 8))
    features = spread * (centres[classes] + 0.6 * rng.normal(size=(rows, 8)))
    return Dataset(
        features=features.astype(np.float32),
        targets=classes,
        columns=tuple("abcdefgh"),
        source="made",
    )


@pytest.mark.parametrize("spread", [0.1, 1, 20])
def test_steps_find_the_range_of_the_data(spread):
    rows = blobs(400, spread)
    model = Sequential(*quantised([Dense(16), ReLU(), Dense(4)]), shape=(8,), loss="cross-entropy")
    settings = TrainingSettings(optimizer="adam", learning_rate=0.02, local_steps=400)
    trainer = Trainer(model, rows, rows, settings, seed=0)
    found = trainer.fit(model.initial(0), np.zeros(model.parameters, np.float32)).parameters
    largest = layout.RANGE_START * np.exp(found[0])
    assert 0.3 < largest / np.abs(rows.features).max() < 3
    assert trainer.evaluate(found).accuracy > 0.9


def test_weight_decay_leaves_the_steps_where_they_start():
    rows = blobs(50)
    model = Sequential(*quantised([Dense(4)]), shape=(8,), loss="cross-entropy")
    settings = TrainingSettings(weight_decay=1, local_steps=200)
    trainer = Trainer(model, rows, None, settings, seed=0)
    found = trainer.fit(model.initial(0), np.zeros(model.parameters, np.float32)).parameters
    assert abs(found[0]) < 0.1


@pytest.mark.parametrize("column", [layout.ROUNDED, layout.ROUNDED + 1])
@pytest.mark.parametrize("value", [-1, 0, 16, 1 << 40])
def test_plans_that_lead_out_of_the_workspace_are_refused(column, value):
    for layers in ([Dense(4)], quantised([Dense(4)])):
        plan = Sequential(*layers, shape=(8,), loss="cross-entropy").plan(2)
        table = plan.table.copy()
        table[-1, column] = value
        rounds, first = len(layers) > 1, column == layout.ROUNDED
        if (value == 0 and not (rounds and first)) or (value == 16 and rounds and first):
            continue
        with pytest.raises(LocalProtocolError, match="plan row"):
            Plan(
                table=table,
                batch=2,
                parameters=plan.parameters,
                workspace=plan.workspace,
            )
