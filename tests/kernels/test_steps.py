"""The training kernels against their reference twins, and both against finite differences."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import gradients_ref, kinds, kinds_ref, layout, steps_ref
from gossipfl.kernels.doors import steps
from gossipfl.learning.settings import TrainingSettings
from gossipfl.models.layers import (
    GRU,
    AveragePool1D,
    AveragePool2D,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    FastGRNN,
    GlobalAverage,
    GroupNorm,
    LayerNorm,
    MaxPool1D,
    MaxPool2D,
    Positions,
    ReLU,
    Sigmoid,
    Tanh,
    TransformerBlock,
)
from gossipfl.models.sequential import Sequential, perceptron


class Shaped:
    """A ReLU whose result, of this shape to the layer behind it, passes a gradient back."""

    def __init__(self, *shape):
        self.shape = shape

    def bind(self, shape):
        return attrs.evolve(ReLU().bind(shape), shape=self.shape)


class Weighted(Sequential):
    """A model whose rows count unequally."""

    def plan(self, batch):
        return super().plan(batch, weighted=True)


ARCHITECTURES = [
    (6, (5,), 1, "binary"),
    (6, (), 3, "binary"),
    (5, (4,), 2, "huber"),
    Weighted(Dense(8), Tanh(), Dense(4), shape=(5,), loss="cross-entropy"),
    (5, (), 3, "cross-entropy"),
    (5, (), 1, "squared-error"),
    (9, (8,), 4, "cross-entropy"),
    (6, (7, 5), 2, "squared-error"),
    (4, (3, 5, 6), 7, "cross-entropy"),
    Sequential(Dense(9), Tanh(), LayerNorm(), Dense(3), shape=(5,), loss="cross-entropy"),
    Sequential(LayerNorm(), Dense(6), Sigmoid(), Dense(2), shape=(4,), loss="squared-error"),
    Sequential(GRU(5), Dense(3), shape=(6, 2), loss="cross-entropy"),
    Sequential(Dense(12), Tanh(), Shaped(4, 3), GRU(4), Dense(2), shape=(7,), loss="squared-error"),
    Sequential(FastGRNN(5), Dense(3), shape=(6, 2), loss="cross-entropy"),
    Sequential(
        *(Conv2D(3, 3), Tanh(), Conv2D(4, 2, stride=2), Tanh(), Conv2D(2, 3, padding="valid")),
        *(Tanh(), Dense(3)),
        shape=(7, 6, 2),
        loss="cross-entropy",
    ),
    Sequential(
        *(Dense(40), Shaped(5, 8, 1), Conv2D(17, 3, stride=3, padding="valid"), Tanh(), Dense(2)),
        shape=(3,),
        loss="squared-error",
    ),
    Sequential(
        *(Conv2D(2, 2), Tanh(), Conv2D(5, 3, stride=2), Tanh(), Dense(2)),
        shape=(5, 8, 1),
        loss="cross-entropy",
    ),
    Sequential(
        *(Conv1D(4, 5, stride=2), Tanh(), Conv1D(3, 2, padding="valid"), Tanh(), Dense(2)),
        shape=(9, 3),
        loss="cross-entropy",
    ),
    Sequential(Dense(12), Shaped(4, 3), FastGRNN(4), shape=(7,), loss="squared-error"),
    Sequential(
        *(Conv2D(3, 3), MaxPool2D(2), ReLU(), Conv2D(4, 2), AveragePool2D(2), GlobalAverage()),
        Dense(3),
        shape=(9, 8, 1),
        loss="cross-entropy",
    ),
    Sequential(
        *(Conv1D(5, 3), MaxPool1D(3), Tanh(), AveragePool1D(2), Dense(2)),
        shape=(13, 2),
        loss="squared-error",
    ),
    Sequential(
        *(Dense(36), Shaped(2, 18), AveragePool1D(2), MaxPool1D(1), Dense(2)),
        shape=(3,),
        loss="cross-entropy",
    ),
    Sequential(
        *(GroupNorm(1), Conv2D(6, 2), GroupNorm(3), Tanh(), Dense(3)),
        shape=(5, 4, 2),
        loss="cross-entropy",
    ),
    Sequential(
        *(Dense(60), Shaped(3, 20), GroupNorm(4), Tanh(), Dense(2)),
        shape=(3,),
        loss="cross-entropy",
    ),
    Sequential(
        *(Dense(9), Dropout(0.4), Tanh(), Dropout(0.1), Dense(3)),
        shape=(5,),
        loss="cross-entropy",
    ),
    Sequential(
        *(Dense(4, each=True), Tanh(), Dense(2, each=True), Dense(3)),
        shape=(3, 5, 2),
        loss="cross-entropy",
    ),
    Sequential(
        *(TransformerBlock(1, 17), Dense(2)),
        shape=(3, 4),
        loss="cross-entropy",
    ),
    Sequential(
        *(Dense(6, each=True), Positions(), TransformerBlock(3, 7), GlobalAverage()),
        Dense(3),
        shape=(5, 3),
        loss="cross-entropy",
    ),
    Sequential(
        *(Dense(6, each=True), TransformerBlock(2, 3), GlobalAverage()),
        Dense(2),
        shape=(18, 2),
        loss="cross-entropy",
    ),
]


def problem(shape, rows, seed=0):
    """A model, its plan, data and random start."""
    if isinstance(shape, Sequential):
        spec = shape
    else:
        inputs, hidden, outputs, loss = shape
        spec = Sequential(*perceptron(hidden), Dense(outputs), shape=(inputs,), loss=loss)
    inputs, outputs, loss = spec.inputs, spec.outputs, spec.loss
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, inputs)).astype(np.float32)
    if loss == "cross-entropy":
        targets = rng.integers(0, outputs, (rows, 1)).astype(np.float32)
        if isinstance(spec, Weighted):
            targets = np.append(targets, rng.uniform(0.2, 5, (rows, 1)).astype(np.float32), 1)
    elif loss == "binary":
        targets = rng.integers(0, 2, (rows, outputs)).astype(np.float32)
    else:
        targets = rng.normal(size=(rows, outputs)).astype(np.float32)
    start = spec.initial(seed) + rng.normal(0, 0.1, spec.parameters).astype(np.float32)
    return spec, (features, targets), start


def programs(plan, optimizer=layout.SGD):
    """(module, what it runs) for the kernels and for their twins."""
    return (steps, kinds.program(plan.table, optimizer)), (
        steps_ref,
        kinds_ref.program(plan.table, optimizer),
    )


def training(plan, dtype=np.float32):
    """A workspace as in some step of training."""
    workspace = np.zeros(plan.workspace, dtype)
    workspace[[layout.TRAINING, layout.CLOCK, layout.SEED]] = 1, 5, 77
    return workspace


def state(start, dtype=np.float32):
    vectors = np.zeros((layout.VECTORS, start.size), dtype)
    vectors[[layout.PARAMETERS, layout.START]] = start
    return vectors


def train(module, program, settings, start, data, batches, workspace, **changes):
    """(loss, sum of squares, parameters, moments) after a step for each row of `batches`."""
    kept = changes.get("kept", 2 if settings.optimizer.startswith("adam") else 1)
    moments = changes.get("moments", np.zeros((kept, start.size), np.float32))
    given = start, changes.get("begun", start), changes.get("correction", 0 * start), moments
    vectors = np.full((layout.VECTORS, start.size), 7, np.float32)
    results, squares = (np.empty_like(start), np.empty_like(moments)), np.empty(1)
    made = module.run_steps(
        *(program, settings.encode(3, len(batches)), 4, changes.get("seed", 9), given),
        *(data, batches, (vectors, workspace), (*results, squares)),
    )
    return made, squares[0], *results


@pytest.mark.parametrize("shape", ARCHITECTURES)
@pytest.mark.parametrize("batch", [1, 3, 4, 9])
def test_gradient_equals_twin(shape, batch):
    spec, data, start = problem(shape, batch)
    plan = spec.plan(batch)
    found = []
    for module, program in programs(plan):
        vectors, workspace = state(start), training(plan)
        steps_ref.fill(plan.table, data, np.arange(batch), workspace)
        loss = module.run_gradient(program, vectors, workspace, batch)
        found.append((loss, vectors[layout.GRADIENT]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-4, atol=1e-6)


def exact_loss(spec, plan, data, point):
    """The twin's loss in float64."""
    workspace = training(plan, np.float64)
    steps_ref.fill(plan.table, data, np.arange(plan.batch), workspace)
    program = kinds_ref.program(plan.table, layout.SGD)
    return steps_ref.run_gradient(program, state(point, np.float64), workspace, plan.batch)


@pytest.mark.parametrize("shape", ARCHITECTURES)
def test_gradient_equals_finite_differences(shape):
    spec, data, start = problem(shape, 6)
    plan = spec.plan(6)
    vectors, workspace = state(start), training(plan)
    steps_ref.fill(plan.table, data, np.arange(6), workspace)
    steps.run_gradient(kinds.program(plan.table, layout.SGD), vectors, workspace, 6)
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
        TrainingSettings(momentum=0.9, nesterov=True, schedule="cosine:30", warmup_steps=5),
        TrainingSettings(optimizer="adam", learning_rate=0.01, weight_decay=0.1, clip_norm=0.3),
        TrainingSettings(optimizer="adamw", learning_rate=0.01, weight_decay=0.1, proximal=0.5),
    ],
)
def test_twenty_steps_equal_twin(shape, settings):
    spec, data, start = problem(shape, 30)
    plan = spec.plan(7)
    rng = np.random.default_rng(1)
    batches = rng.integers(0, 30, (20, 7))
    correction = rng.normal(0, 0.1, spec.parameters).astype(np.float32)
    begun, found = start + np.float32(0.1), []
    for module, program in programs(plan, settings.kernel):
        workspace = np.zeros(plan.workspace, np.float32)
        given = program, settings, start, data, batches, workspace
        found.append(train(module, *given, correction=correction, begun=begun))
    assert found[0][:2] == pytest.approx(found[1][:2], rel=1e-4)
    for fast, slow in zip(*(made[2:] for made in found), strict=True):
        np.testing.assert_allclose(fast, slow, rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("shape", ARCHITECTURES)
@pytest.mark.parametrize("rows", [1, 5, 8])
def test_outputs_equal_twin(shape, rows):
    spec, data, start = problem(shape, 8)
    plan = spec.plan(8)
    found = []
    for module, program in programs(plan):
        workspace = np.zeros(plan.workspace, np.float32)
        steps_ref.fill(plan.table, data, np.arange(8), workspace)
        module.run_forward(program, start, workspace, rows)
        begin = plan.table[-1, layout.SOURCE]
        found.append(workspace[begin : begin + 8 * spec.outputs])
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-6)
    assert not found[0][rows * spec.outputs :].any()


def random_vectors(size, seed):
    vectors = np.random.default_rng(seed).normal(size=(layout.VECTORS, size)).astype(np.float32)
    vectors[layout.SECOND_MOMENT] **= 2
    return vectors


@given(st.integers(1, 70), st.floats(0.001, 1.0), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_optimizers_equal_twins_to_the_bit(size, rate, momentum, seed):
    common = {"learning_rate": rate, "weight_decay": 0.5}
    for settings in (
        TrainingSettings(momentum=momentum, **common),
        TrainingSettings(momentum=momentum, nesterov=True, **common),
        TrainingSettings(optimizer="adam", **common),
        TrainingSettings(optimizer="adamw", **common),
    ):
        fast, row = random_vectors(size, seed), settings.encode(2, 1)[0]
        slow = fast.copy()
        kinds.OPTIMIZERS[settings.kernel](row, fast, size)
        kinds_ref.OPTIMIZERS[settings.kernel](row, slow)
        np.testing.assert_array_equal(fast, slow)


@given(st.integers(1, 70), st.floats(0, 2.0), st.floats(0, 20.0), st.integers(0, 2**32 - 1))
def test_gradients_are_prepared_as_by_the_twin(size, proximal, clip, seed):
    row = TrainingSettings(proximal=proximal, clip_norm=clip).encode(0, 1)[0]
    fast = random_vectors(size, seed)
    slow = fast.copy()
    kinds.SHARED[layout.PREPARE](row, fast, size)
    gradients_ref.prepare(row, slow)
    np.testing.assert_allclose(fast, slow, rtol=1e-6, atol=1e-6)
    if clip:
        assert np.linalg.norm(fast[layout.GRADIENT]) <= clip * 1.001


@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("shape", ARCHITECTURES)
def test_not_a_number_is_never_swallowed(shape, poison):
    spec, data, start = problem(shape, 4)
    plan = spec.plan(4)
    data[0][2, 1] = poison
    workspace, batches = np.zeros(plan.workspace, np.float32), np.arange(4).reshape(1, 4)
    with np.errstate(all="ignore"):  # only when run without compilation
        program = kinds.program(plan.table, layout.SGD)
        made = train(steps, program, TrainingSettings(), start, data, batches, workspace)
    assert not np.isfinite(made[:2]).all()


@pytest.mark.parametrize("shape", ARCHITECTURES)
def test_what_was_left_in_memory_changes_nothing(shape):
    """Learners of equal models train in the same memory, one after the other."""
    spec, data, start = problem(shape, 30)
    plan, settings = spec.plan(7), TrainingSettings(optimizer="adam")
    program = kinds.program(plan.table, settings.kernel)
    batches = np.random.default_rng(1).integers(0, 30, (3, 7))
    workspace, found = np.zeros(plan.workspace, np.float32), []
    for seed in (0, 1, 0):
        shifted = start + np.float32(seed)
        made = train(steps, program, settings, shifted, data, batches, workspace, seed=seed)
        found.append((*made[:2], *(array.tobytes() for array in made[2:])))
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize("place", [0, 4])
@pytest.mark.parametrize("row", ["parameters", "moments"])
def test_no_sum_of_squares_hides_what_is_not_finite(row, place):
    """Not even of entries that no gradient reaches."""
    spec, data, start = problem((5, (), 3, "cross-entropy"), 4)
    plan, settings = spec.plan(4), TrainingSettings(momentum=0.5)
    moments = np.zeros((1, start.size), np.float32)
    (start if row == "parameters" else moments[0])[place] = np.nan
    for module, program in programs(plan):
        workspace = np.zeros(plan.workspace, np.float32)
        given = program, settings, start, data, np.arange(4).reshape(1, 4), workspace
        with np.errstate(all="ignore"):
            _, squares, *_ = train(module, *given, moments=moments)
        assert np.isnan(squares)


def test_what_kernels_may_not_use_changes_nothing():
    spec, data, start = problem((5, (), 3, "cross-entropy"), 5)
    plan, settings = spec.plan(2), TrainingSettings()
    batches = np.array([[0, 4], [3, 1]])
    for module, program in programs(plan):
        results = np.full_like(start, 3), np.full((1, start.size), 3, np.float32)

        def run(numbers, rows, data=data, module=module, program=program, results=results):
            given = start, start, start, np.zeros((1, start.size), np.float32)
            memory = state(start), np.zeros(plan.workspace, np.float32)
            room = *results, np.empty(1)
            return module.run_steps(program, numbers, 4, 9, given, data, rows, memory, room)

        encoded = settings.encode(0, 2)
        for rows in (batches + 1, batches - 1, batches[:0]):
            assert run(encoded, rows) == -1
        for bad in (np.nan, -1.0, float(layout.WHOLE)):
            wrong = encoded.copy()
            wrong[1, 3] = bad
            assert run(wrong, batches) == -1
        assert all((array == 3).all() for array in results)
        assert run(encoded, batches) > 0
