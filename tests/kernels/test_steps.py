"""The training kernels against their reference twins, and both against finite differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import layout, steps, steps_ref
from gossipfl.learning.model import ModelSpec
from gossipfl.learning.settings import TrainingSettings

ARCHITECTURES = [
    (5, (), 3, "cross-entropy"),
    (5, (), 1, "squared-error"),
    (9, (8,), 4, "cross-entropy"),
    (6, (7, 5), 2, "squared-error"),
    (4, (3, 5, 6), 7, "cross-entropy"),
]


def problem(shape, rows, seed=0):
    """A model, its plan, data and random start."""
    inputs, hidden, outputs, loss = shape
    spec = ModelSpec(inputs=inputs, hidden=hidden, outputs=outputs, loss=loss)
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, inputs)).astype(np.float32)
    if loss == "cross-entropy":
        targets = rng.integers(0, outputs, (rows, 1)).astype(np.float32)
    else:
        targets = rng.normal(size=(rows, outputs)).astype(np.float32)
    start = spec.initial(seed) + rng.normal(0, 0.1, spec.parameters).astype(np.float32)
    return spec, (features, targets), start


def state(start, dtype=np.float32):
    vectors = np.zeros((layout.VECTORS, start.size), dtype)
    vectors[layout.PARAMETERS] = start
    return vectors


@pytest.mark.parametrize("shape", ARCHITECTURES)
@pytest.mark.parametrize("batch", [1, 3, 4, 9])
def test_gradient_equals_twin(shape, batch):
    spec, data, start = problem(shape, batch)
    plan = spec.plan(batch)
    found = {}
    for name, module in (("kernel", steps), ("twin", steps_ref)):
        vectors, workspace = state(start), np.zeros(plan.workspace, np.float32)
        steps_ref.fill(plan.table, data, np.arange(batch), workspace)
        loss = module.run_gradient(plan.table, vectors, workspace, batch)
        found[name] = loss, vectors[layout.GRADIENT]
    assert found["kernel"][0] == pytest.approx(found["twin"][0], rel=1e-5)
    np.testing.assert_allclose(found["kernel"][1], found["twin"][1], rtol=1e-4, atol=1e-6)


def exact_loss(spec, plan, data, point):
    """The twin's loss in float64."""
    workspace = np.zeros(plan.workspace)
    steps_ref.fill(plan.table, data, np.arange(plan.batch), workspace)
    return steps_ref.run_gradient(plan.table, state(point, np.float64), workspace, plan.batch)


@pytest.mark.parametrize("shape", ARCHITECTURES)
def test_gradient_equals_finite_differences(shape):
    spec, data, start = problem(shape, 6)
    plan = spec.plan(6)
    vectors, workspace = state(start), np.zeros(plan.workspace, np.float32)
    steps_ref.fill(plan.table, data, np.arange(6), workspace)
    steps.run_gradient(plan.table, vectors, workspace, 6)
    for i in range(spec.parameters):
        step = np.zeros(spec.parameters)
        step[i] = 1e-6
        up, down = (exact_loss(spec, plan, data, start + s) for s in (step, -step))
        assert vectors[layout.GRADIENT, i] == pytest.approx((up - down) / 2e-6, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("shape", ARCHITECTURES)
@pytest.mark.parametrize(
    "settings",
    [
        TrainingSettings(),
        TrainingSettings(momentum=0.9, weight_decay=0.01),
        TrainingSettings(optimizer="adam", learning_rate=0.01, weight_decay=0.1),
    ],
)
def test_twenty_steps_equal_twin(shape, settings):
    spec, data, start = problem(shape, 30)
    plan = spec.plan(7)
    rng = np.random.default_rng(1)
    batches = rng.integers(0, 30, (20, 7))
    correction = rng.normal(0, 0.1, spec.parameters)
    found = []
    for module in (steps, steps_ref):
        vectors, workspace = state(start), np.zeros(plan.workspace, np.float32)
        vectors[layout.CORRECTION] = correction
        encoded = settings.encode(3)
        loss = module.run_steps(plan.table, encoded, vectors, data, batches, workspace)
        found.append((loss, vectors))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("shape", ARCHITECTURES)
@pytest.mark.parametrize("rows", [0, 1, 8, 9, 17])
def test_prediction_equals_twin(shape, rows):
    spec, (features, _), start = problem(shape, rows)
    plan = spec.plan(8)
    found = []
    for module in (steps, steps_ref):
        out, workspace = (np.zeros(s, np.float32) for s in ((rows, spec.outputs), plan.workspace))
        module.run_predict(plan.table, start, features, workspace, 8, out)
        found.append(out)
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-6)


@given(st.integers(1, 70), st.floats(0.001, 1.0), st.floats(0, 0.99), st.integers(0, 2**32 - 1))
def test_optimizers_equal_twins_to_the_bit(size, rate, momentum, seed):
    from gossipfl.kernels import optimizers, optimizers_ref

    settings = TrainingSettings(learning_rate=rate, momentum=momentum, weight_decay=0.5).encode(0)
    start = np.random.default_rng(seed).normal(size=(layout.VECTORS, size)).astype(np.float32)
    start[layout.SECOND_MOMENT] **= 2
    for name, extra in (("sgd", ()), ("adam", (3.0,))):
        fast, slow = start.copy(), start.copy()
        getattr(optimizers, name)(settings, fast, *extra)
        getattr(optimizers_ref, name)(settings, slow, *extra)
        np.testing.assert_array_equal(fast, slow)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("shape", ARCHITECTURES)
def test_not_a_number_is_never_swallowed(shape, poison):
    spec, data, start = problem(shape, 4)
    plan = spec.plan(4)
    data[0][2, 1] = poison
    vectors, workspace = state(start), np.zeros(plan.workspace, np.float32)
    batches = np.arange(4).reshape(1, 4)
    with np.errstate(all="ignore"):  # only when run without compilation
        encoded = TrainingSettings().encode(0)
        loss = steps.run_steps(plan.table, encoded, vectors, data, batches, workspace)
    assert not (np.isfinite(loss) and np.isfinite(vectors).all())
