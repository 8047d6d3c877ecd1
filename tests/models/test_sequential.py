"""Shapes, initial values and plans."""

import hashlib

import attrs
import numpy as np
import pytest

from gossipfl.errors import ConfigError, LocalProtocolError
from gossipfl.kernels import layout
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import PARAMETERS_MAX, Sequential, perceptron


def network(inputs=64, hidden=(32,), outputs=10, loss="cross-entropy"):
    return Sequential(*perceptron(hidden), Dense(outputs), shape=(inputs,), loss=loss)


DIGITS = network()


def test_tensors_cover_the_vector_in_order():
    assert DIGITS.parameters == 2410
    assert DIGITS.tensors == (
        ("W1", 0, 2048),
        ("b1", 2048, 2080),
        ("W2", 2080, 2400),
        ("b2", 2400, 2410),
    )


def test_initial_vector_is_frozen():
    """The same bits everywhere: peers derive it from the seed and never send it."""
    digest = hashlib.sha256(DIGITS.initial(7).astype("<f4").tobytes()).hexdigest()
    assert digest == "7750b7dd190d8a0e2d6cd7b23ec35c92e54c4ef15ec1743aeb695f8a647a8c09"


def test_initial_vector_is_he_uniform():
    vector = DIGITS.initial(1)
    assert vector.dtype == np.float32
    weights = vector[:2048]
    assert np.abs(weights).max() <= np.sqrt(6 / 64)
    assert weights.std() == pytest.approx(np.sqrt(2 / 64), rel=0.05)
    assert not vector[2048:2080].any()
    assert not vector[2400:].any()


def test_summary_names_the_shape():
    assert DIGITS.summary().startswith("64 Dense 32 ReLU 32 Dense 10, cross-entropy, 2,410 param")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": 0}, "positive integer"),
        ({"hidden": (0,)}, "positive integer"),
        ({"hidden": (True,)}, "positive integer"),
        ({"hidden": (1,) * 32}, "1 to 64 layers"),
        ({"outputs": 1}, "at least 2 classes"),
        ({"loss": "hinge"}, "loss is"),
        ({"inputs": 784, "hidden": (65,)}, "51,685 parameters.*: at most 51,200"),
    ],
)
def test_bad_shapes_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        network(**changes)


def test_largest_model_is_200_kilobytes():
    assert PARAMETERS_MAX * 4 == 204_800


@pytest.mark.parametrize("batch", [1, 16, 33])
def test_plan_slots_do_not_overlap(batch):
    plan = network(5, (4, 3), 2, "squared-error").plan(batch)
    table = plan.table
    slots = [(table[0, layout.SOURCE], batch * 5)]
    for row in table[:-1]:
        slots += [
            (row[c], batch * row[layout.OUTPUTS]) for c in (layout.RESULT, layout.RESULT_GRADIENT)
        ]
    slots.append((table[-1, layout.RESULT], batch * 2))
    slots.append((table[-1, layout.SCRATCH], 1))
    used = np.zeros(plan.workspace, int)
    for start, length in slots:
        used[start : start + length] += 1
    assert used.max() == 1


GEOMETRY = range(layout.GEOMETRY, layout.COLUMNS)
# Columns that the kernels of a row never read.
UNREAD = {
    0: [layout.SCRATCH],
    1: [layout.WEIGHTS, layout.BIASES, layout.SCRATCH],
    2: [layout.SCRATCH],
    3: [
        layout.WEIGHTS,
        layout.BIASES,
        layout.RESULT_GRADIENT,
        *GEOMETRY,
    ],
}


@pytest.mark.parametrize(
    ("row", "column"),
    [(row, c) for row in UNREAD for c in range(layout.COLUMNS) if c not in UNREAD[row]],
)
@pytest.mark.parametrize("value", [-7, 10**9])
def test_damaged_plans_are_refused(row, column, value):
    plan = DIGITS.plan(4)
    table = plan.table.copy()
    table[row, column] = value
    with pytest.raises(LocalProtocolError):
        attrs.evolve(plan, table=table)


@pytest.mark.parametrize(
    "bend",
    [
        lambda table: table.astype(np.int32),
        lambda table: table[:, :-1],
        lambda table: table[-1:],
        lambda table: np.asfortranarray(table),
        lambda table: table[0],
    ],
)
def test_misshapen_plans_are_refused(bend):
    plan = DIGITS.plan(4)
    with pytest.raises(LocalProtocolError):
        attrs.evolve(plan, table=bend(plan.table.copy()))
