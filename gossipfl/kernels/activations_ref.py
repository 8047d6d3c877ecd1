"""The activations in NumPy, for any float type."""

import numpy as np

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import OUTPUTS, RESULT, RESULT_GRADIENT, SOURCE, SOURCE_GRADIENT


def logistic(x):
    """1 / (1 + exp(-x)), without overflow."""
    return (1 + np.tanh(x / 2)) / 2


def _activation(function, slope):
    """(forward, backward) of `function`, whose slope is told from its result."""

    def forward(row, parameters, gradient, workspace, batch):
        source = matrix(workspace, row[SOURCE], batch, row[OUTPUTS])
        matrix(workspace, row[RESULT], batch, row[OUTPUTS])[:] = function(source)

    def backward(row, parameters, gradient, workspace, batch):
        if row[SOURCE_GRADIENT] >= 0:
            result, error = (
                matrix(workspace, row[slot], batch, row[OUTPUTS])
                for slot in (RESULT, RESULT_GRADIENT)
            )
            target = matrix(workspace, row[SOURCE_GRADIENT], batch, row[OUTPUTS])
            target[:] = error * slope(result)

    return forward, backward


RELU = _activation(lambda x: np.maximum(x, 0), lambda y: y != 0)
TANH = _activation(np.tanh, lambda y: 1 - y * y)
SIGMOID = _activation(logistic, lambda y: y * (1 - y))
