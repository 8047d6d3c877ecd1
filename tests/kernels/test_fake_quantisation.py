"""Rounding while training: the kernels against their twins, and both against what int8 can tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import fake_quantisation_ref, kinds, layout, steps_ref
from gossipfl.learning.settings import TrainingSettings
from gossipfl.models.layers import (
    AveragePool2D,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    FakeQuantise,
    GlobalAverage,
    MaxPool2D,
    ReLU,
)
from gossipfl.models.quantised import quantised
from gossipfl.models.sequential import Sequential
from tests.kernels.test_steps import problem, programs, state, train, training

ARCHITECTURES = [
    Sequential(*quantised([Dense(3)]), shape=(5,), loss="cross-entropy"),
    Sequential(*quantised([Dense(9), ReLU(), Dense(2)]), shape=(5,), loss="squared-error"),
    Sequential(
        *quantised([Dense(4, each=True), Dropout(0.3), Dense(5), ReLU(), Dense(3)]),
        shape=(4, 3),
        loss="cross-entropy",
    ),
    Sequential(
        *quantised([Conv2D(5, 3), ReLU(), MaxPool2D(2), Conv2D(4, 2, stride=2), AveragePool2D(1)]),
        *quantised([GlobalAverage(), Dense(3)]),
        shape=(9, 8, 2),
        loss="cross-entropy",
    ),
    Sequential(
        *quantised([ReLU(), Conv1D(3, 5, stride=2), Conv1D(2, 2, padding="valid"), Dense(2)]),
        shape=(11, 3),
        loss="binary",
    ),
]


@pytest.mark.parametrize("model", ARCHITECTURES)
@pytest.mark.parametrize("batch", [1, 4, 9])
def test_gradient_equals_twin(model, batch):
    spec, data, start = problem(model, batch)
    plan = spec.plan(batch)
    found = []
    for module, program in programs(plan):
        vectors, workspace = state(start), training(plan)
        steps_ref.fill(plan.table, data, np.arange(batch), workspace)
        loss = module.run_gradient(program, vectors, workspace, batch)
        found.append((loss, vectors[layout.GRADIENT]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("model", ARCHITECTURES)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_steps_equal_twin(model, optimizer):
    spec, data, start = problem(model, 30)
    plan, settings = spec.plan(7), TrainingSettings(optimizer=optimizer, learning_rate=0.01)
    batches = np.random.default_rng(1).integers(0, 30, (10, 7))
    found = []
    for module, program in programs(plan, settings.kernel):
        workspace = np.zeros(plan.workspace, np.float32)
        loss, _, parameters, _ = train(module, program, settings, start, data, batches, workspace)
        found.append((loss, parameters))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-3)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=2e-3)


@given(
    st.integers(1, 40),
    st.booleans(),
    st.floats(-3, 3, width=32),
    st.floats(0.01, 30),
    st.integers(0, 2**32 - 1),
)
def test_numbers_become_codes_times_their_step(size, signed, exponent, spread, seed):
    spec = Sequential(FakeQuantise(signed), Dense(1), shape=(size,), loss="squared-error")
    plan = spec.plan(3)
    row, parameters = plan.table[0], np.array([exponent], np.float32)
    source = np.random.default_rng(seed).normal(0, spread, 3 * size).astype(np.float32)
    workspaces = [np.zeros(plan.workspace, np.float32) for _ in range(2)]
    for workspace in workspaces:
        workspace[row[layout.SOURCE] :][: 3 * size] = source
    shared = kinds.program(plan.table, layout.SGD)[2]
    arguments = row, parameters, parameters
    kinds.LAYERS[layout.FAKE_QUANTISE][0](*arguments, workspaces[0], 3, shared)
    fake_quantisation_ref.fake_quantise_forward(*arguments, workspaces[1], 3)
    fast, slow = (w[row[layout.RESULT] :][: 3 * size] for w in workspaces)
    step = fake_quantisation_ref.step_of(parameters[0], signed)
    low, high = fake_quantisation_ref.codes(signed)
    np.testing.assert_allclose(fast, slow, rtol=1e-5, atol=step * 1.01)
    assert (np.abs(fast - slow) < step / 2).mean() > 0.9
    inside = np.clip(source, low * step, high * step)
    assert np.abs(slow - inside).max() <= step * 0.5001
    assert np.abs(slow / step - np.rint(slow / step)).max() < 1e-3


@given(st.sampled_from(ARCHITECTURES), st.integers(0, 2**32 - 1))
def test_weights_equal_the_twins_to_the_bit(model, seed):
    rng, table = np.random.default_rng(seed), model.plan(2).table
    parameters = rng.normal(size=model.parameters).astype(np.float32)
    parameters[rng.integers(parameters.size) :] *= 1e-32  # so that the last outputs have none
    fast, slow = np.full_like(parameters, 9), np.full_like(parameters, 9)
    quantise = kinds.SHARED[layout.QUANTISE_WEIGHTS]
    quantise(table, len(table) - 1, parameters, parameters.size, fast)
    fake_quantisation_ref.quantise_weights(table[:-1], parameters, slow)
    np.testing.assert_array_equal(fast, slow)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("model", ARCHITECTURES)
@pytest.mark.parametrize("where", ["data", "weights"])
def test_not_a_number_is_never_swallowed(model, poison, where):
    spec, data, start = problem(model, 4)
    plan = spec.plan(4)
    if where == "data":
        data[0][2, 1] = poison
    else:
        start[1:] = poison
    workspace, batches = np.zeros(plan.workspace, np.float32), np.arange(4).reshape(1, 4)
    for module, program in programs(plan):
        with np.errstate(all="ignore"):  # only when run without compilation
            made = train(module, program, TrainingSettings(), start, data, batches, workspace)
        assert not np.isfinite(made[0])
