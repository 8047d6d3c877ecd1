"""Layer normalisation in NumPy, for any float type."""

import numpy as np

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import (
    BIASES,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
)

EPSILON = 1e-5


def _normal(row, workspace, batch):
    x = matrix(workspace, row[SOURCE], batch, row[OUTPUTS])
    factor = 1 / np.sqrt(x.var(1, keepdims=True) + EPSILON)
    return (x - x.mean(1, keepdims=True)) * factor, factor


def layer_norm_forward(row, parameters, gradient, workspace, batch):
    """y = gain (x - mean) / sqrt(variance + EPSILON) + bias."""
    gains, biases = (matrix(parameters, row[c], 1, row[OUTPUTS]) for c in (WEIGHTS, BIASES))
    normal, _ = _normal(row, workspace, batch)
    matrix(workspace, row[RESULT], batch, row[OUTPUTS])[:] = normal * gains + biases


def layer_norm_backward(row, parameters, gradient, workspace, batch):
    """The chain rule through mean and variance."""
    normal, factor = _normal(row, workspace, batch)
    error = matrix(workspace, row[RESULT_GRADIENT], batch, row[OUTPUTS])
    matrix(gradient, row[WEIGHTS], 1, row[OUTPUTS])[:] = (error * normal).sum(0)
    matrix(gradient, row[BIASES], 1, row[OUTPUTS])[:] = error.sum(0)
    if row[SOURCE_GRADIENT] >= 0:
        inner = error * matrix(parameters, row[WEIGHTS], 1, row[OUTPUTS])
        means = inner.mean(1, keepdims=True), (inner * normal).mean(1, keepdims=True)
        target = matrix(workspace, row[SOURCE_GRADIENT], batch, row[OUTPUTS])
        target[:] = factor * (inner - means[0] - means[1] * normal)
