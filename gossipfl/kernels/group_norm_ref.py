"""Group normalisation in NumPy, for any float type."""

import numpy as np

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import (
    BIASES,
    CHANNELS,
    GROUPS,
    INPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
)
from gossipfl.kernels.normalisation_ref import EPSILON

AXES = (1, 3)  # of [batch, positions, groups, channels of a group]


def _grouped(row, flat, start, batch):
    width = row[CHANNELS] // row[GROUPS]
    return matrix(flat, start, batch, row[INPUTS]).reshape(batch, -1, row[GROUPS], width)


def _normal(row, workspace, batch):
    x = _grouped(row, workspace, row[SOURCE], batch)
    factor = 1 / np.sqrt(x.var(AXES, keepdims=True) + EPSILON)
    return (x - x.mean(AXES, keepdims=True)) * factor, factor


def _per_channel(row, flat, column):
    start = row[column]
    return flat[start : start + row[CHANNELS]].reshape(row[GROUPS], -1)


def group_norm_forward(row, parameters, gradient, workspace, batch):
    """y = gain (x - mean) / sqrt(variance + EPSILON) + bias."""
    gains, biases = (_per_channel(row, parameters, column) for column in (WEIGHTS, BIASES))
    normal, _ = _normal(row, workspace, batch)
    _grouped(row, workspace, row[RESULT], batch)[:] = normal * gains + biases


def group_norm_backward(row, parameters, gradient, workspace, batch):
    """The chain rule through mean and variance."""
    normal, factor = _normal(row, workspace, batch)
    error = _grouped(row, workspace, row[RESULT_GRADIENT], batch)
    _per_channel(row, gradient, WEIGHTS)[:] = (error * normal).sum((0, 1))
    _per_channel(row, gradient, BIASES)[:] = error.sum((0, 1))
    if row[SOURCE_GRADIENT] >= 0:
        inner = error * _per_channel(row, parameters, WEIGHTS)
        mean, along = (part.mean(AXES, keepdims=True) for part in (inner, inner * normal))
        target = _grouped(row, workspace, row[SOURCE_GRADIENT], batch)
        target[:] = factor * (inner - mean - along * normal)
