"""Which kernels a plan calls."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl.kernels import (
    activations,
    convolution,
    dense,
    dropout,
    fake_quantisation,
    fastgrnn,
    gather,
    gemm,
    gradients,
    group_norm,
    gru,
    layout,
    losses,
    normalisation,
    optimizers,
    pooling,
    positions,
    transformer,
)
from gossipfl.kernels.calls import array_of

LAYERS = {
    layout.DENSE: (dense.dense_forward, dense.dense_backward),
    layout.RELU: (activations.relu_forward, activations.relu_backward),
    layout.TANH: (activations.tanh_forward, activations.tanh_backward),
    layout.SIGMOID: (activations.sigmoid_forward, activations.sigmoid_backward),
    layout.LAYER_NORM: (
        normalisation.layer_norm_forward,
        normalisation.layer_norm_backward,
    ),
    layout.GRU: (gru.gru_forward, gru.gru_backward),
    layout.FASTGRNN: (fastgrnn.fastgrnn_forward, fastgrnn.fastgrnn_backward),
    layout.CONVOLUTION: (
        convolution.convolution_forward,
        convolution.convolution_backward,
    ),
    layout.MAX_POOL: (pooling.max_pool_forward, pooling.max_pool_backward),
    layout.AVERAGE_POOL: (pooling.average_pool_forward, pooling.average_pool_backward),
    layout.GROUP_NORM: (group_norm.group_norm_forward, group_norm.group_norm_backward),
    layout.DROPOUT: (dropout.dropout_forward, dropout.dropout_backward),
    layout.POSITIONS: (positions.positions_forward, positions.positions_backward),
    layout.TRANSFORMER: (transformer.transformer_forward, transformer.transformer_backward),
    layout.FAKE_QUANTISE: (
        fake_quantisation.fake_quantise_forward,
        fake_quantisation.fake_quantise_backward,
    ),
}
LOSSES = {
    layout.CROSS_ENTROPY: losses.cross_entropy,
    layout.SQUARED_ERROR: losses.squared_error,
    layout.WEIGHTED_CROSS_ENTROPY: losses.weighted_cross_entropy,
    layout.BINARY: losses.binary,
    layout.HUBER: losses.huber,
}
OPTIMIZERS = {
    layout.SGD: optimizers.sgd,
    layout.NESTEROV: optimizers.nesterov,
    layout.ADAM: optimizers.adam,
}
SHARED = {
    layout.MULTIPLY: gemm.MULTIPLY,
    layout.MULTIPLY_TRANSPOSED: gemm.MULTIPLY_TRANSPOSED,
    layout.MULTIPLY_LISTED: gemm.MULTIPLY_LISTED,
    layout.GATHER: gather.gather,
    layout.PREPARE: gradients.prepare,
    layout.QUANTISE_WEIGHTS: fake_quantisation.quantise_weights,
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
