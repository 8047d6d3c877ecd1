"""Which kernels a plan calls."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl.kernels import layout
from gossipfl.kernels.native import Kernel, array_of
from gossipfl.kernels.signatures import (
    GATHER,
    LAYER,
    LISTED_PRODUCT,
    OPTIMIZER,
    PRODUCT,
    WEIGHING,
)


def _both(name: str) -> tuple[Kernel, Kernel]:
    """The forward and the backward kernel of a layer."""
    return Kernel(f"{name}_forward", LAYER), Kernel(f"{name}_backward", LAYER)


LAYERS = {
    layout.DENSE: _both("dense.dense"),
    layout.RELU: _both("activations.relu"),
    layout.TANH: _both("activations.tanh"),
    layout.SIGMOID: _both("activations.sigmoid"),
    layout.LAYER_NORM: _both("normalisation.layer_norm"),
    layout.GRU: _both("gru.gru"),
    layout.FASTGRNN: _both("fastgrnn.fastgrnn"),
    layout.CONVOLUTION: _both("convolution.convolution"),
    layout.MAX_POOL: _both("pooling.max_pool"),
    layout.AVERAGE_POOL: _both("pooling.average_pool"),
    layout.GROUP_NORM: _both("group_norm.group_norm"),
    layout.DROPOUT: _both("dropout.dropout"),
    layout.POSITIONS: _both("positions.positions"),
    layout.TRANSFORMER: _both("transformer.transformer"),
    layout.FAKE_QUANTISE: _both("fake_quantisation.fake_quantise"),
}
LOSSES = {
    layout.CROSS_ENTROPY: Kernel("losses.cross_entropy", LAYER),
    layout.SQUARED_ERROR: Kernel("losses.squared_error", LAYER),
    layout.WEIGHTED_CROSS_ENTROPY: Kernel("losses.weighted_cross_entropy", LAYER),
    layout.BINARY: Kernel("losses.binary", LAYER),
    layout.HUBER: Kernel("losses.huber", LAYER),
}
OPTIMIZERS = {
    layout.SGD: Kernel("optimizers.sgd", OPTIMIZER),
    layout.NESTEROV: Kernel("optimizers.nesterov", OPTIMIZER),
    layout.ADAM: Kernel("optimizers.adam", OPTIMIZER),
}
SHARED = {
    layout.MULTIPLY: Kernel("gemm.multiply", PRODUCT),
    layout.MULTIPLY_TRANSPOSED: Kernel("gemm.multiply_transposed", PRODUCT),
    layout.MULTIPLY_LISTED: Kernel("gemm.multiply_listed", LISTED_PRODUCT),
    layout.GATHER: Kernel("gather.gather", GATHER),
    layout.PREPARE: Kernel("gradients.prepare", OPTIMIZER),
    layout.QUANTISE_WEIGHTS: Kernel("fake_quantisation.quantise_weights", WEIGHING),
}
# Only layers of this kind call it; it takes long to compile.
CALLERS = {
    layout.MULTIPLY_LISTED: layout.CONVOLUTION,
    layout.QUANTISE_WEIGHTS: layout.FAKE_QUANTISE,
}


def program(table: NDArray[np.int64], optimizer: int) -> tuple[NDArray[Any], ...]:
    """(table, kernels of its rows, shared kernels): what `steps` runs.  Compiles what is new.

    table: i64[layers + 1, COLUMNS], already checked.  optimizer: SGD, NESTEROV or ADAM.
    """
    return table, *_kernels(tuple(table[:, layout.KIND].tolist()), optimizer)


@lru_cache(maxsize=64)
def _kernels(kinds, optimizer):
    rows = [LAYERS[kind] for kind in kinds[:-1]]
    rows.append((LOSSES[kinds[-1]], OPTIMIZERS[optimizer]))
    shared = [SHARED[p] if CALLERS.get(p, kinds[0]) in kinds else None for p in range(len(SHARED))]
    return array_of(rows), array_of(shared)
