"""What int8 will do to numbers, done to float32 while training, so that a model learns to live with
it (Jacob et al. 2018, arXiv:1712.05877).

The values of a tensor share a step, which is learnt as its logarithm (Esser et al. 2020,
arXiv:1902.08153; Jain et al. 2020, arXiv:1903.08066).  The weights of an output share one as well,
their largest magnitude over 127; the step of its bias is the product of both steps.  Gradients pass
as if nothing were rounded (arXiv:1308.3432).
"""

import math

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.arrays import copy
from gossipfl.kernels.calls import at, kernel
from gossipfl.kernels.layout import (
    BIAS_MAX,
    BIASES,
    COLUMNS,
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
    SCRATCH,
    SIGNED,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
    WIDTH,
)
from gossipfl.kernels.signatures import LAYER, WEIGHING

ZERO, ONE = np.float32(0), np.float32(1)
ROUNDING = np.float32(12582912)  # 1.5 * 2**23: adding and taking it off leaves a whole number
STEP_MIN = np.float32(1e-30)  # outputs whose step would be smaller have no weights and no bias
POWER_MIN = np.float32(1e-30)
MAGNITUDE = np.int32(0x7FFFFFFF)  # all bits but the sign


# No flags: reassociation would fold the rounding away.
@kernel(LAYER)
def fake_quantise_forward(row, parameters, gradient, workspace, batch, shared):
    """result = source, rounded to whole steps and cut to the codes of int8."""
    source, result = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    low, high = _codes(row)
    step = _step(row, parameters)
    inverse = ONE / step
    for i in range(batch * row[OUTPUTS]):
        x = source[i]
        code = x * inverse
        code = low if code < low else code
        code = high if code > high else code
        # What was infinite becomes NaN, as must stay visible.
        result[i] = ((code + ROUNDING) - ROUNDING) * step + (x - x)
    workspace[row[SCRATCH]] = step


# The sums vectorise only if they may be taken in any order.
@kernel(LAYER, {"contract", "reassoc"})
def fake_quantise_backward(row, parameters, gradient, workspace, batch, shared):
    """Errors pass where nothing was cut; the exponent follows them through what rounding changed.

    Of the data, whose errors nobody knows, it follows the share of their power that rounding costs.
    """
    source, result = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    step, size, (low, high) = workspace[row[SCRATCH]], batch * row[OUTPUTS], _codes(row)
    least, most, total = low * step, high * step, ZERO
    if row[SOURCE_GRADIENT] < 0:
        power = POWER_MIN
        for i in range(size):
            x, y = source[i], result[i]
            total += (y - x) * (y if (x < least) | (x > most) else y - x)
            power += x * x
        gradient[row[WEIGHTS]] = total / power
        return
    error, target = at(workspace, row[RESULT_GRADIENT]), at(workspace, row[SOURCE_GRADIENT])
    for i in range(size):
        x, y = source[i], result[i]
        total += error[i] * (y if (x < least) | (x > most) else y - x)
    gradient[row[WEIGHTS]] = total
    for i in range(size):
        target[i] = ZERO if (source[i] < least) | (source[i] > most) else error[i]


@kernel(WEIGHING)
def quantise_weights(table, rows, parameters, size, out):
    """out[size] = parameters, rounded in dense layers and convolutions behind rounded numbers."""
    done = np.int64(0)
    for place in range(1, rows):
        before, row = at(table, (place - 1) * COLUMNS), at(table, place * COLUMNS)
        if before[KIND] == FAKE_QUANTISE and (row[KIND] == DENSE or row[KIND] == CONVOLUTION):
            copy(at(parameters, done), at(out, done), row[WEIGHTS] - done)
            done = _round_layer(row, _step(before, parameters), parameters, out)
    copy(at(parameters, done), at(out, done), size - done)


@register_jitable
def _round_layer(row, step, parameters, out):
    """Returns where its parameters end."""
    outputs, width = _sizes(row)
    for i in range(outputs):
        start, bias = row[WEIGHTS] + i * width, row[BIASES] + i
        weights, rounded = at(parameters, start), at(out, start)
        unit = _round(weights, parameters[bias], step, width, rounded)
        out[bias] = np.rint(parameters[bias] / unit) * unit
    return row[BIASES] + outputs


@register_jitable
def _step(row, parameters):
    """Between two codes."""
    exponent = max(min(np.float64(parameters[row[WEIGHTS]]), EXPONENT_MAX), -EXPONENT_MAX)
    high = LEVELS_SIGNED if row[SIGNED] else LEVELS
    return np.float32(RANGE_START / high * math.exp(exponent))


@register_jitable
def _codes(row):
    """(least, largest)."""
    high = np.float32(LEVELS_SIGNED if row[SIGNED] else LEVELS)
    return -high if row[SIGNED] else ZERO, high


@register_jitable
def _sizes(row):
    """(outputs, weights of each)."""
    if row[KIND] == DENSE:
        return row[OUTPUTS] // row[COUNT], row[INPUTS] // row[COUNT]
    channels = row[INPUTS] // (row[HEIGHT] * row[WIDTH])
    filters = row[OUTPUTS] // (row[OUT_HEIGHT] * row[OUT_WIDTH])
    return filters, row[KERNEL_HEIGHT] * row[KERNEL_WIDTH] * channels


@register_jitable
def _round(weights, bias, step, count, out):
    """Round the weights of one output; returns the step of its bias.

    A bias that is large beside its weights widens their step, so that its code fits.
    """
    least = np.float32(abs(bias) / (np.float64(step) * BIAS_MAX))
    own = _largest(weights, count) / np.float32(LEVELS_SIGNED)
    own = least if least > own else own
    own = ONE if own < STEP_MIN else own
    inverse = ONE / own
    for i in range(count):
        out[i] = ((weights[i] * inverse + ROUNDING) - ROUNDING) * own
    return np.float64(own) * np.float64(step)


@register_jitable
def _largest(weights, count):
    """The largest magnitude, found among bits as whole numbers: those of NaN are above all."""
    best = np.int32(0)
    for i in range(count):
        bits = np.int32(np.float32(weights[i]).view(np.int32) & MAGNITUDE)
        best = bits if bits > best else best
    return np.int32(best).view(np.float32)
