"""Losses: each returns its mean over the batch and writes the gradient of that mean.

Targets are float32 so that one compiled walk serves both: a class index is exact up to 2**24.
"""

import math

import numba
import numpy as np

from gossipfl.kernels.dense import matrix
from gossipfl.kernels.layout import INPUTS, OUTPUTS, RESULT, SOURCE, SOURCE_GRADIENT


@numba.njit(nogil=True, cache=True, error_model="numpy")
def cross_entropy(row, workspace, batch):
    """Mean of -log softmax(logits)[class]; gradient (softmax - one hot) / batch."""
    logits = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    classes = matrix(workspace, row[RESULT], batch, row[OUTPUTS])
    gradient = matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])
    total = 0.0
    for i in range(batch):
        truth = int(classes[i, 0])
        total += _softmax(logits[i], gradient[i]) - logits[i, truth]
        gradient[i, truth] -= np.float32(1)
    for i in range(batch):
        for j in range(row[INPUTS]):
            gradient[i, j] /= np.float32(batch)
    return total / batch


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _softmax(logits, out):
    """out = softmax(logits); returns log sum exp(logits).  Shifted by the largest: no overflow."""
    largest = logits[0]
    for j in range(1, logits.shape[0]):
        if logits[j] > largest:
            largest = logits[j]
    total = np.float32(0)
    for j in range(logits.shape[0]):
        out[j] = math.exp(logits[j] - largest)
        total += out[j]
    for j in range(logits.shape[0]):
        out[j] /= total
    return largest + math.log(total)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def squared_error(row, workspace, batch):
    """Mean over rows and outputs of (value - target) squared."""
    values = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    targets = matrix(workspace, row[RESULT], batch, row[OUTPUTS])
    gradient = matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])
    scale = np.float32(2.0 / (batch * row[INPUTS]))
    total = 0.0
    for i in range(batch):
        for j in range(row[INPUTS]):
            error = values[i, j] - targets[i, j]
            total += error * error
            gradient[i, j] = scale * error
    return total / (batch * row[INPUTS])
