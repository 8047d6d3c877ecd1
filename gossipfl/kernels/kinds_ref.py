"""The reference twin of every kind of layer, loss and optimizer."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl.kernels import (
    activations_ref,
    convolution_ref,
    dense_ref,
    dropout_ref,
    fake_quantisation_ref,
    fastgrnn_ref,
    group_norm_ref,
    gru_ref,
    layout,
    losses_ref,
    normalisation_ref,
    optimizers_ref,
    pooling_ref,
    positions_ref,
    transformer_ref,
)

LAYERS = {
    layout.DENSE: (dense_ref.dense_forward, dense_ref.dense_backward),
    layout.RELU: activations_ref.RELU,
    layout.TANH: activations_ref.TANH,
    layout.SIGMOID: activations_ref.SIGMOID,
    layout.LAYER_NORM: (
        normalisation_ref.layer_norm_forward,
        normalisation_ref.layer_norm_backward,
    ),
    layout.GRU: (gru_ref.gru_forward, gru_ref.gru_backward),
    layout.FASTGRNN: (fastgrnn_ref.fastgrnn_forward, fastgrnn_ref.fastgrnn_backward),
    layout.CONVOLUTION: (
        convolution_ref.convolution_forward,
        convolution_ref.convolution_backward,
    ),
    layout.MAX_POOL: (pooling_ref.max_pool_forward, pooling_ref.max_pool_backward),
    layout.AVERAGE_POOL: (pooling_ref.average_pool_forward, pooling_ref.average_pool_backward),
    layout.GROUP_NORM: (group_norm_ref.group_norm_forward, group_norm_ref.group_norm_backward),
    layout.DROPOUT: (dropout_ref.dropout_forward, dropout_ref.dropout_backward),
    layout.POSITIONS: (positions_ref.positions_forward, positions_ref.positions_backward),
    layout.TRANSFORMER: (
        transformer_ref.transformer_forward,
        transformer_ref.transformer_backward,
    ),
    layout.FAKE_QUANTISE: (
        fake_quantisation_ref.fake_quantise_forward,
        fake_quantisation_ref.fake_quantise_backward,
    ),
}
LOSSES = {
    layout.CROSS_ENTROPY: losses_ref.cross_entropy,
    layout.SQUARED_ERROR: losses_ref.squared_error,
    layout.WEIGHTED_CROSS_ENTROPY: losses_ref.weighted_cross_entropy,
    layout.BINARY: losses_ref.binary,
    layout.HUBER: losses_ref.huber,
}
OPTIMIZERS = {
    layout.SGD: optimizers_ref.sgd,
    layout.NESTEROV: optimizers_ref.nesterov,
    layout.ADAM: optimizers_ref.adam,
}


def program(table: NDArray[np.int64], optimizer: int) -> tuple[Any, ...]:
    """(table, optimizer): what `steps_ref` runs."""
    return table, OPTIMIZERS[optimizer]
