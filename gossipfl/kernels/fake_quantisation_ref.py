"""Fake quantisation in NumPy, for any float type."""

import itertools
from typing import Any

import numpy as np

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import (
    BIAS_MAX,
    BIASES,
    CONVOLUTION,
    COUNT,
    DENSE,
    EXPONENT_MAX,
    FAKE_QUANTISE,
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

STEP_MIN, POWER_MIN = 1e-30, 1e-30


def codes(signed: int) -> tuple[int, int]:
    """(least, largest) code of a number."""
    return (-LEVELS_SIGNED, LEVELS_SIGNED) if signed else (0, LEVELS)


def step_of(exponent: Any, signed: int) -> Any:
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
    """out = parameters, rounded in dense layers and convolutions behind rounded numbers."""
    out[:] = parameters
    for before, row in itertools.pairwise(rows):
        if before[KIND] == FAKE_QUANTISE and row[KIND] in (DENSE, CONVOLUTION):
            weights = matrix(parameters, row[WEIGHTS], *_sizes(row))
            place = slice(row[BIASES], row[BIASES] + len(weights))
            step = step_of(parameters[before[WEIGHTS]], before[SIGNED])
            found = weight_codes(weights, parameters[place], step)
            matrix(out, row[WEIGHTS], *weights.shape)[:] = found[0] * found[2][:, None]
            out[place] = found[1] * (found[2].astype(np.float64) * np.float64(step))


def weight_codes(weights: Any, biases: Any, step: Any) -> tuple[Any, Any, Any]:
    """(codes [outputs, width], codes of biases f64[outputs], steps [outputs]) of one layer.

    step: of the numbers that it reads.  A bias that is large beside its weights widens their step,
    so that its code fits.
    """
    kind = weights.dtype.type
    least = (np.abs(biases) / (np.float64(step) * BIAS_MAX)).astype(kind)
    steps = np.maximum(np.abs(weights).max(1) / kind(LEVELS_SIGNED), least)
    steps = np.where(steps < STEP_MIN, kind(1), steps)
    codes = np.rint(weights * (1 / steps)[:, None])
    return codes, np.rint(biases / (steps.astype(np.float64) * np.float64(step))), steps


def _sizes(row):
    """(outputs, weights of each)."""
    if row[KIND] == DENSE:
        return row[OUTPUTS] // row[COUNT], row[INPUTS] // row[COUNT]
    channels = row[INPUTS] // (row[HEIGHT] * row[WIDTH])
    filters = row[OUTPUTS] // (row[OUT_HEIGHT] * row[OUT_WIDTH])
    return filters, row[KERNEL_HEIGHT] * row[KERNEL_WIDTH] * channels
