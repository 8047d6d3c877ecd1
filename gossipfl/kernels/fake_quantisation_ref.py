"""Fake quantisation in NumPy, for any float type."""

import numpy as np

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import (
    CONVOLUTION,
    COUNT,
    DENSE,
    EXPONENT_MAX,
    HEIGHT,
    INPUTS,
    KERNEL_HEIGHT,
    KERNEL_WIDTH,
    KIND,
    LEVELS,
    LEVELS_SIGNED,
    OUT_HEIGHT,
    OUT_WIDTH,
    OUTPUTS,
    RANGE_START,
    RESULT,
    RESULT_GRADIENT,
    SIGNED,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
    WIDTH,
)

WEIGHT_MIN, POWER_MIN = 1e-30, 1e-30


def codes(signed):
    """(least, largest) code of a number."""
    return (-LEVELS_SIGNED, LEVELS_SIGNED) if signed else (0, LEVELS)


def step_of(exponent, signed):
    """The step between two codes that a learnt exponent stands for, of its type."""
    exact = np.clip(np.float64(exponent), -EXPONENT_MAX, EXPONENT_MAX)
    return exponent.dtype.type(RANGE_START / codes(signed)[1] * np.exp(exact))


def fake_quantise_forward(row, parameters, gradient, workspace, batch):
    """result = source, rounded to whole steps and cut to the codes of int8."""
    x = matrix(workspace, row[SOURCE], batch, row[OUTPUTS])
    step = step_of(parameters[row[WEIGHTS]], row[SIGNED])
    rounded = np.rint(np.clip(x * (1 / step), *codes(row[SIGNED])))
    matrix(workspace, row[RESULT], batch, row[OUTPUTS])[:] = rounded * step + (x - x)


def fake_quantise_backward(row, parameters, gradient, workspace, batch):
    """Errors pass where nothing was cut; the exponent follows them through what rounding changed.

    Of the data, whose errors nobody knows, it follows the share of their power that rounding costs.
    """
    x, y = (matrix(workspace, row[slot], batch, row[OUTPUTS]) for slot in (SOURCE, RESULT))
    step, (low, high) = step_of(parameters[row[WEIGHTS]], row[SIGNED]), codes(row[SIGNED])
    outside = (x < low * step) | (x > high * step)
    change = np.where(outside, y, y - x)
    if row[SOURCE_GRADIENT] < 0:
        gradient[row[WEIGHTS]] = ((y - x) * change).sum() / ((x * x).sum() + POWER_MIN)
        return
    error = matrix(workspace, row[RESULT_GRADIENT], batch, row[OUTPUTS])
    gradient[row[WEIGHTS]] = (error * change).sum()
    target = matrix(workspace, row[SOURCE_GRADIENT], batch, row[OUTPUTS])
    target[:] = np.where(outside, 0, error)


def quantise_weights(rows, parameters, out):
    """out = parameters, with rounded weights in dense layers and convolutions."""
    out[:] = parameters
    for row in rows:
        if row[KIND] in (DENSE, CONVOLUTION):
            weights = matrix(parameters, row[WEIGHTS], *_sizes(row))
            found, steps = weight_codes(weights)
            matrix(out, row[WEIGHTS], *weights.shape)[:] = found * steps[:, None]


def weight_codes(weights):
    """(codes [outputs, width], steps [outputs]) of weights, all of their type."""
    largest = np.abs(weights).max(1)
    none = largest < WEIGHT_MIN
    inverse = np.where(none, 0, LEVELS_SIGNED / np.where(none, 1, largest))
    steps = np.where(none, 0, largest / LEVELS_SIGNED)
    kind = weights.dtype
    return np.rint(weights * inverse.astype(kind)[:, None]), steps.astype(kind)


def _sizes(row):
    """(outputs, weights of each)."""
    if row[KIND] == DENSE:
        return row[OUTPUTS] // row[COUNT], row[INPUTS] // row[COUNT]
    channels = row[INPUTS] // (row[HEIGHT] * row[WIDTH])
    filters = row[OUTPUTS] // (row[OUT_HEIGHT] * row[OUT_WIDTH])
    return filters, row[KERNEL_HEIGHT] * row[KERNEL_WIDTH] * channels
