"""Learned offsets in NumPy, for any float type."""

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import (
    INPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
)


def positions_forward(row, parameters, gradient, workspace, batch):
    """result = source + offsets."""
    offsets = matrix(parameters, row[WEIGHTS], 1, row[INPUTS])
    source = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    matrix(workspace, row[RESULT], batch, row[INPUTS])[:] = source + offsets


def positions_backward(row, parameters, gradient, workspace, batch):
    """The chain rule through `positions_forward`."""
    error = matrix(workspace, row[RESULT_GRADIENT], batch, row[INPUTS])
    matrix(gradient, row[WEIGHTS], 1, row[INPUTS])[:] = error.sum(0)
    if row[SOURCE_GRADIENT] >= 0:
        matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])[:] = error
