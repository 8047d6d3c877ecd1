"""Losses: each leaves its mean over the batch in its scratch, and writes the mean's gradient.

Targets are float32 so that one compiled walk serves both: a class index is exact up to 2**24.
"""

import math

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.calls import LAYER, at, kernel
from gossipfl.kernels.elementary import exp
from gossipfl.kernels.layout import INPUTS, RESULT, SCRATCH, SOURCE, SOURCE_GRADIENT

ONE = np.float32(1)
# Sums of exponentials lie in 1..2**24, so the product of so many fits into a float64 ...
FACTORS = 32  # ... and one logarithm, which is slow, serves them all


@kernel(LAYER, {"contract"})
def cross_entropy(row, parameters, gradient, workspace, batch, shared):
    """Mean of -log softmax(logits)[class]; gradient (softmax - one hot) / batch."""
    classes = row[INPUTS]
    logits, truths = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    target, total = at(workspace, row[SOURCE_GRADIENT]), 0.0
    for i in range(batch):
        start = i * classes
        total -= _shift(at(logits, start), at(target, start), classes, truths[i])
    for i in range(batch * classes):
        target[i] = exp(target[i])
    product = 1.0
    for i in range(batch):
        product *= _normalise(at(target, i * classes), classes, truths[i], batch)
        if i % FACTORS == FACTORS - 1:
            total += math.log(product)
            product = 1.0
    workspace[row[SCRATCH]] = np.float32((total + math.log(product)) / batch)


@register_jitable
def _shift(logits, out, classes, truth):
    """out = logits - their largest, so that exp cannot overflow; returns that of the class."""
    largest = logits[0]
    for j in range(1, classes):
        largest = logits[j] if logits[j] > largest else largest
    for j in range(classes):
        out[j] = logits[j] - largest
    return out[np.int64(truth)]


@register_jitable
def _normalise(out, classes, truth, batch):
    """out = (out / their sum - one hot) / batch; returns the sum."""
    total = np.float32(0)
    for j in range(classes):
        total += out[j]
    scale = ONE / (total * np.float32(batch))
    for j in range(classes):
        out[j] *= scale
    out[np.int64(truth)] -= ONE / np.float32(batch)
    return total


@kernel(LAYER)
def squared_error(row, parameters, gradient, workspace, batch, shared):
    """Mean over rows and outputs of (value - target) squared."""
    values, targets = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    target, size = at(workspace, row[SOURCE_GRADIENT]), batch * row[INPUTS]
    scale, total = np.float32(2.0 / size), 0.0
    for i in range(size):
        error = values[i] - targets[i]
        total += error * error
        target[i] = scale * error
    workspace[row[SCRATCH]] = np.float32(total / size)
