"""Every kernel beside its reference twin, one by one, and how far apart they may be."""

import numpy as np
import pytest

from gossipfl.kernels import kinds, kinds_ref, layout
from gossipfl.learning.settings import OPTIMIZERS, TrainingSettings
from gossipfl.models.layers import (
    GRU,
    AveragePool2D,
    Conv2D,
    Dense,
    Dropout,
    FakeQuantise,
    FastGRNN,
    GroupNorm,
    LayerNorm,
    MaxPool2D,
    Positions,
    ReLU,
    Sigmoid,
    Tanh,
    TransformerBlock,
)
from gossipfl.models.sequential import Sequential

BATCH = 7
ULP = 2.0**-23

# Largest distance from the twin in units in the last place of the largest entry.  0: to the bit.
# Sums differ by their order, functions by the kernels' own polynomials (kernels/elementary.py).
TOLERANCE_ULPS = {
    layout.DENSE: 8,
    layout.RELU: 0,
    layout.TANH: 8,
    layout.SIGMOID: 4,
    layout.LAYER_NORM: 4,
    layout.GRU: 16,
    layout.FASTGRNN: 8,
    layout.CONVOLUTION: 16,
    layout.MAX_POOL: 0,
    layout.AVERAGE_POOL: 2,
    layout.GROUP_NORM: 8,
    layout.DROPOUT: 0,
    layout.POSITIONS: 0,
    layout.TRANSFORMER: 8,
    layout.FAKE_QUANTISE: 16,
    layout.CROSS_ENTROPY: 4,
    layout.WEIGHTED_CROSS_ENTROPY: 4,
    layout.SQUARED_ERROR: 2,
    layout.BINARY: 4,
    layout.HUBER: 2,
}
CASES = [
    (Dense(11), (13,)),
    (Dense(6, each=True), (5, 9)),
    (ReLU(), (17,)),
    (Tanh(), (17,)),
    (Sigmoid(), (17,)),
    (LayerNorm(), (19,)),
    (GroupNorm(2), (5, 6)),
    (Dropout(0.3), (23,)),
    (Positions(), (4, 5)),
    (GRU(6), (8, 5)),
    (FastGRNN(6), (8, 5)),
    (Conv2D(5, 3), (7, 6, 3)),
    (Conv2D(4, 3, stride=2, padding="valid"), (9, 8, 2)),
    (MaxPool2D(2), (5, 6, 3)),
    (AveragePool2D(2), (5, 6, 3)),
    (TransformerBlock(2, 9), (6, 8)),
    (FakeQuantise(), (21,)),
    (FakeQuantise(signed=False), (21,)),
]


def distance(ours, theirs):
    """In units in the last place of the largest entry."""
    return np.abs(ours.astype(np.float64) - theirs).max() / (np.abs(theirs).max() * ULP)


def part(workspace, start, size):
    return workspace[start : start + size]


def compare(table, parameters, workspace, run):
    """{name: distance} of result, source gradient and gradient, after `run(of, ...)` by each."""
    row, found = table[1], []
    for of in (kinds, kinds_ref):
        state = (parameters.copy(), np.zeros_like(parameters), workspace.copy())
        run(of, row, *state)
        inputs, outputs = BATCH * row[layout.INPUTS], BATCH * row[layout.OUTPUTS]
        source_gradient = part(state[2], row[layout.SOURCE_GRADIENT], inputs)
        found.append((part(state[2], row[layout.RESULT], outputs), source_gradient, state[1]))
    pairs = zip(*found, strict=True)
    return [distance(ours, theirs) for ours, theirs in pairs if theirs.any() or ours.any()]


def calls(of, pair, table, *arguments):
    """The functions of a pair, with what the compiled ones take beside the twins'."""
    shared = kinds.program(table, layout.SGD)[2]
    for function in pair:
        function(*arguments, *((shared,) if of is kinds else ()))


@pytest.mark.parametrize(("layer", "shape"), CASES)
def test_layers(layer, shape):
    spec = Sequential(ReLU(), layer, shape=shape, loss="squared-error")
    table, rng = spec.plan(BATCH).table, np.random.default_rng(0)
    workspace = rng.normal(size=spec.plan(BATCH).workspace).astype(np.float32)
    workspace[: layout.HEAD] = 1
    parameters = rng.normal(0, 0.5, max(spec.parameters, 1)).astype(np.float32)

    def run(of, row, *state):
        calls(of, of.LAYERS[row[layout.KIND]], table, row, *state, BATCH)

    found = compare(table, parameters, workspace, run)
    assert found
    assert max(found) <= TOLERANCE_ULPS[table[1, layout.KIND]], found


def test_every_layer_has_a_case():
    kinds_ = {layer.bind(shape).kind for layer, shape in CASES}
    assert kinds_ == kinds.LAYERS.keys() == kinds_ref.LAYERS.keys()
    assert kinds_ | kinds.LOSSES.keys() == TOLERANCE_ULPS.keys()


@pytest.mark.parametrize("kind", kinds.LOSSES)
def test_losses(kind):
    width = 6
    targets = {layout.CROSS_ENTROPY: 1, layout.WEIGHTED_CROSS_ENTROPY: 2}.get(kind, width)
    row, rng = np.zeros(layout.COLUMNS, np.int64), np.random.default_rng(0)
    row[[layout.KIND, layout.INPUTS, layout.OUTPUTS]] = kind, width, targets
    row[[layout.SOURCE, layout.RESULT, layout.SOURCE_GRADIENT, layout.SCRATCH]] = 16, 80, 144, 208
    workspace = rng.normal(0, 2, 224).astype(np.float32)
    truth = part(workspace, 80, BATCH * targets).reshape(BATCH, targets)
    if kind != layout.SQUARED_ERROR and kind != layout.HUBER:
        truth[:] = rng.integers(0, 2 if kind == layout.BINARY else width, truth.shape)
    if kind == layout.WEIGHTED_CROSS_ENTROPY:
        truth[:, 1] = rng.uniform(0.1, 4, BATCH)
    nothing, found = np.zeros(1, np.float32), []
    for of in (kinds, kinds_ref):
        memory = workspace.copy()
        shared = (np.zeros(1, np.int64),) if of is kinds else ()
        of.LOSSES[kind](row, nothing, nothing, memory, BATCH, *shared)
        found.append((memory[208:209], part(memory, 144, BATCH * width)))
    distances = [distance(*pair) for pair in zip(*found, strict=True)]
    assert max(distances) <= TOLERANCE_ULPS[kind], distances


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers_to_the_bit(optimizer):
    row = TrainingSettings(optimizer=optimizer, weight_decay=0.1).encode(3, 1)[0]
    ours = np.abs(np.random.default_rng(0).normal(size=(layout.VECTORS, 50))).astype(np.float32)
    theirs = ours.copy()
    kinds.OPTIMIZERS[OPTIMIZERS[optimizer]](row, ours, 50)
    kinds_ref.OPTIMIZERS[OPTIMIZERS[optimizer]](row, theirs)
    np.testing.assert_array_equal(ours, theirs)
