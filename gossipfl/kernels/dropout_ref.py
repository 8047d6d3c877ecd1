"""Inverted dropout in NumPy, for any float type."""

import numpy as np

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import (
    CLOCK,
    INPUTS,
    RESULT,
    RESULT_GRADIENT,
    SEED,
    SOURCE,
    SOURCE_GRADIENT,
    THRESHOLD,
    TRAINING,
)
from gossipfl.kernels.philox_ref import words

DRAWS = 1 << 32  # values of a word


def factors(row, workspace, batch):
    """What every entry [batch, INPUTS] is multiplied with."""
    if not workspace[TRAINING]:
        return np.ones((batch, row[INPUTS]), np.float32)
    size = batch * row[INPUTS]
    counters = np.zeros((-(-size // 4), 4), np.uint64)
    counters[:, 0], counters[:, 1] = np.arange(len(counters)), workspace[CLOCK]
    draws = words(counters, (workspace[SEED], row[RESULT] % DRAWS)).reshape(-1)[:size]
    scale = np.float32(DRAWS / (DRAWS - row[THRESHOLD]))
    return np.where(draws < row[THRESHOLD], np.float32(0), scale).reshape(batch, -1)


def dropout_forward(row, parameters, gradient, workspace, batch):
    """result = source times the factors."""
    source = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    result = matrix(workspace, row[RESULT], batch, row[INPUTS])
    result[:] = source * factors(row, workspace, batch)


def dropout_backward(row, parameters, gradient, workspace, batch):
    """The gradient takes the same factors."""
    if row[SOURCE_GRADIENT] >= 0:
        error = matrix(workspace, row[RESULT_GRADIENT], batch, row[INPUTS])
        target = matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])
        target[:] = error * factors(row, workspace, batch)
