"""Losses: each leaves its mean over the batch in its scratch, and writes the mean's gradient.

Targets are float32 so that one compiled walk serves both: a class index is exact up to 2**24.
"""

import math

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.calls import at, kernel
from gossipfl.kernels.elementary import exp
from gossipfl.kernels.layout import INPUTS, RESULT, SCRATCH, SOURCE, SOURCE_GRADIENT
from gossipfl.kernels.signatures import LAYER

ONE = np.float32(1)
# Sums of exponentials lie in 1..2**24, so the product of so many fits into a float64 ...
FACTORS = 32  # ... and one logarithm, which is slow, serves them all
NOTHING = np.float32(2.0**-80)


@kernel(LAYER, {"contract"})
def cross_entropy(row, parameters, gradient, workspace, batch, shared):
    """Mean of -log softmax(logits)[class]; gradient (softmax - one hot) / batch."""
    classes = row[INPUTS]
    logits, truths = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    target, share = at(workspace, row[SOURCE_GRADIENT]), ONE / np.float32(batch)
    if classes == 2:  # a number that LLVM knows, so that no loop is left within a row
        total = _cross_entropy(logits, truths, target, 2, batch, share)
    else:
        total = _cross_entropy(logits, truths, target, classes, batch, share)
    workspace[row[SCRATCH]] = np.float32(total / batch)


@register_jitable(forceinline=True)
def _cross_entropy(logits, truths, target, classes, batch, share):
    """The gradient, into `target`; returns the sum of what the rows lose."""
    total, product = 0.0, 1.0
    for i in range(batch):
        start = i * classes
        total -= _shift(at(logits, start), at(target, start), classes, truths[i])
    _exponentials(target, batch * classes)
    for i in range(batch):
        product *= _normalise(at(target, i * classes), classes, truths[i], share)
        if i % FACTORS == FACTORS - 1:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@register_jitable(forceinline=True)
def _shift(logits, out, classes, truth):
    """out = logits - their largest, so that exp cannot overflow; returns that of the class."""
    largest = logits[0]
    for j in range(1, classes):
        largest = logits[j] if logits[j] > largest else largest
    for j in range(classes):
        out[j] = logits[j] - largest
    return out[np.int64(truth)]


@register_jitable(forceinline=True)
def _exponentials(out, size):
    """out[size] = e to the out, but 0 where beside a 1 it is nothing.

    Processors take a hundred times as long over products that are too small to be normal numbers.
    """
    for i in range(size):
        found = exp(out[i])
        out[i] = np.float32(0) if found < NOTHING else found  # NaN stays


@register_jitable(forceinline=True)
def _normalise(out, classes, truth, share):
    """out = (out / their sum - one hot) * share; returns the sum."""
    total = np.float32(0)
    for j in range(classes):
        total += out[j]
    scale = share / total
    for j in range(classes):
        out[j] *= scale
    out[np.int64(truth)] -= share
    return total


@kernel(LAYER, {"contract"})
def weighted_cross_entropy(row, parameters, gradient, workspace, batch, shared):
    """The same, each row as often as the weight behind its class says."""
    classes = row[INPUTS]
    logits, truths = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    target, total, weight = at(workspace, row[SOURCE_GRADIENT]), 0.0, np.float32(0)
    for i in range(batch):
        start = i * classes
        weight += truths[2 * i + 1]
        chosen = _shift(at(logits, start), at(target, start), classes, truths[2 * i])
        total -= truths[2 * i + 1] * chosen
    _exponentials(target, batch * classes)
    for i in range(batch):
        share = truths[2 * i + 1] / weight
        summed = _normalise(at(target, i * classes), classes, truths[2 * i], share)
        total += truths[2 * i + 1] * math.log(summed)
    workspace[row[SCRATCH]] = np.float32(total / weight)


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


@kernel(LAYER, {"contract"})
def binary(row, parameters, gradient, workspace, batch, shared):
    """Mean over rows and outputs of -log of the probability that a logistic unit gives the target.

    That is log(1 + exp(-|z|)) + max(z, 0) - z t for a logit z.
    """
    logits, targets = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    target, size = at(workspace, row[SOURCE_GRADIENT]), batch * row[INPUTS]
    scale, total, product = ONE / np.float32(size), 0.0, 1.0
    for i in range(size):
        z = logits[i]
        decay = exp(-z) if z > 0 else exp(z)
        product *= 1.0 + np.float64(decay)  # at most 2, so FACTORS of them fit as well
        if i % FACTORS == FACTORS - 1:
            total += math.log(product)
            product = 1.0
        total += (z if z > 0 else np.float32(0)) - z * targets[i]
        share = (ONE if z > 0 else decay) / (ONE + decay)
        target[i] = scale * (share - targets[i])
    workspace[row[SCRATCH]] = np.float32((total + math.log(product)) / size)


@kernel(LAYER)
def huber(row, parameters, gradient, workspace, batch, shared):
    """Mean over rows and outputs of e^2 / 2, or |e| - 1/2 for errors beyond 1 (Huber 1964)."""
    values, targets = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    target, size = at(workspace, row[SOURCE_GRADIENT]), batch * row[INPUTS]
    scale, total = ONE / np.float32(size), 0.0
    for i in range(size):
        error = values[i] - targets[i]
        slope = ONE if error > ONE else error
        slope = -ONE if error < -ONE else slope
        total += slope * (error - np.float32(0.5) * slope)
        target[i] = scale * slope
    workspace[row[SCRATCH]] = np.float32(total / size)
