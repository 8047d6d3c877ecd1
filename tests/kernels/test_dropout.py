"""Dropout: kernel and twin to the bit, what the mask depends on, and how much it drops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import dropout_ref, kinds, layout
from gossipfl.models.layers import Dense, Dropout
from gossipfl.models.sequential import Sequential

GRADIENT = np.zeros(1, np.float32)
SHARED = np.zeros(1, np.int64)


def model(width, rate):
    return Sequential(Dense(width), Dropout(rate), Dense(2), shape=(1,), loss="cross-entropy")


def dropped(width, rate, batch, *, training=1, clock=1, seed=0, twin=False):
    """What the layer makes of ones, and of a gradient of ones."""
    plan = model(width, rate).plan(batch)
    row, workspace = plan.table[1], np.ones(plan.workspace, np.float32)
    workspace[[layout.TRAINING, layout.CLOCK, layout.SEED]] = training, clock, seed
    if twin:
        for slow in (dropout_ref.dropout_forward, dropout_ref.dropout_backward):
            slow(row, None, None, workspace, batch)
    else:
        for fast in kinds.LAYERS[layout.DROPOUT]:
            fast(row, GRADIENT, GRADIENT, workspace, batch, SHARED)
    starts = (row[layout.RESULT], row[layout.SOURCE_GRADIENT])
    return [workspace[start : start + batch * width].copy() for start in starts]


@given(
    *(st.integers(1, 9), st.floats(0, 0.999), st.integers(1, 9), st.booleans()),
    *(st.integers(0, layout.WHOLE - 1), st.integers(0, layout.WHOLE - 1)),
)
def test_kernel_equals_its_twin_to_the_bit(width, rate, batch, training, clock, seed):
    given = {"training": training, "clock": clock, "seed": seed}
    fast, slow = (dropped(width, rate, batch, twin=twin, **given) for twin in (False, True))
    np.testing.assert_array_equal(fast, slow)
    np.testing.assert_array_equal(*fast)  # the gradient goes where the values went


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.9])
def test_the_mean_stays(rate):
    found, _ = dropped(100, rate, 200)
    assert (found == 0).mean() == pytest.approx(rate, abs=0.01)
    assert found.mean() == pytest.approx(1, abs=0.03)


def test_prediction_drops_nothing():
    assert (np.array(dropped(10, 0.9, 10, training=0)) == 1).all()


@pytest.mark.parametrize("other", [{"clock": 2}, {"seed": 1}])
def test_masks_differ_between_steps_and_nodes(other):
    one, two = dropped(100, 0.5, 10)[0], dropped(100, 0.5, 10, **other)[0]
    assert (one != two).mean() == pytest.approx(0.5, abs=0.06)


def test_masks_differ_between_layers():
    spec = Sequential(Dropout(0.5), Dropout(0.5), Dense(2), shape=(100,), loss="cross-entropy")
    plan = spec.plan(10)
    workspace = np.ones(plan.workspace, np.float32)
    for row in plan.table[:2]:
        kinds.LAYERS[layout.DROPOUT][0](row, GRADIENT, GRADIENT, workspace, 10, SHARED)
    both, first = (
        workspace[row[layout.RESULT] : row[layout.RESULT] + 1000] for row in plan.table[1::-1]
    )
    assert (both != 0).mean() == pytest.approx(0.25, abs=0.05)
    assert (first != 0).mean() == pytest.approx(0.5, abs=0.05)
