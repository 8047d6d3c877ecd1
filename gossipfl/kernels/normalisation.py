"""Layer normalisation (Ba et al. 2016, arXiv:1607.06450): a vector to mean 0 and variance 1.

    y = gain (x - mean) / sqrt(variance + EPSILON) + bias

The layer takes every example for one vector; other layers normalise many vectors of an example by
the same two steps.  Both steps share a scratch of the normalised x [count, width] and then
1 / sqrt(variance + EPSILON) [count].
"""

import math

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.arrays import clear
from gossipfl.kernels.calls import at, kernel
from gossipfl.kernels.lanes import (
    LANES,
    add,
    fill,
    first,
    load,
    multiply,
    multiply_add,
    store,
    subtract,
    sum_lines,
    total,
)
from gossipfl.kernels.layout import (
    BIASES,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SCRATCH,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
)
from gossipfl.kernels.signatures import LAYER

EPSILON = 1e-5
ZERO, ONE = np.float32(0), np.float32(1)


@kernel(LAYER)
def layer_norm_forward(row, parameters, gradient, workspace, batch, shared):
    """Fill the layer's result."""
    learned = at(parameters, row[WEIGHTS]), at(parameters, row[BIASES])
    source, out = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    normalise(source, batch, row[OUTPUTS], learned, at(workspace, row[SCRATCH]), out)


@kernel(LAYER)
def layer_norm_backward(row, parameters, gradient, workspace, batch, shared):
    """Gradients of gain and bias and, if wanted, of the source."""
    width, scratch = row[OUTPUTS], at(workspace, row[SCRATCH])
    gains, error = at(parameters, row[WEIGHTS]), at(workspace, row[RESULT_GRADIENT])
    slopes = at(gradient, row[WEIGHTS]), at(gradient, row[BIASES])
    normalise_slopes(error, batch, width, scratch, slopes)
    if row[SOURCE_GRADIENT] >= 0:
        target = at(workspace, row[SOURCE_GRADIENT])
        clear(target, batch * width)
        normalise_back(error, batch, width, gains, scratch, target)


@register_jitable
def normalise(source, count, width, learned, scratch, out):
    """out[count, width] from source[count, width]; learned: (gains, biases), both [width]."""
    gains, biases = learned
    for i in range(count):
        x, normal, y = at(source, i * width), at(scratch, i * width), at(out, i * width)
        middle, square = fill(_mean(x, width)), ZERO
        for j in range(0, width, LANES):
            off = first(subtract(load(at(x, j), width - j), middle), width - j)
            square += total(multiply(off, off))
        factor = np.float32(ONE / math.sqrt(square / np.float32(width) + np.float32(EPSILON)))
        scratch[count * width + i] = factor
        scale = fill(factor)
        for j in range(0, width, LANES):
            rest = width - j
            found = multiply(subtract(load(at(x, j), rest), middle), scale)
            store(found, at(normal, j), rest)
            found = multiply_add(found, load(at(gains, j), rest), load(at(biases, j), rest))
            store(found, at(y, j), rest)


@register_jitable
def _mean(x, width):
    found = ZERO
    for j in range(0, width, LANES):
        found += total(load(at(x, j), width - j))
    return found / np.float32(width)


@register_jitable
def normalise_slopes(error, count, width, scratch, slopes):
    """slopes (of gains, of biases) from error[count, width]."""
    by_gains, by_biases = slopes
    sum_lines(error, count, width, by_biases)
    for j in range(0, width, LANES):
        found = fill(ZERO)
        for i in range(j, j + count * width, width):
            normal = load(at(scratch, i), width - j)
            found = multiply_add(load(at(error, i), width - j), normal, found)
        store(found, at(by_gains, j), width - j)


@register_jitable
def normalise_back(error, count, width, gains, scratch, target):
    """target[count, width] += the source's gradient."""
    for i in range(count):
        slope, normal, out = at(error, i * width), at(scratch, i * width), at(target, i * width)
        mean, along = ZERO, ZERO
        for j in range(0, width, LANES):
            inner = multiply(load(at(slope, j), width - j), load(at(gains, j), width - j))
            mean += total(inner)
            along += total(multiply(inner, load(at(normal, j), width - j)))
        shift, turn = fill(-mean / np.float32(width)), fill(-along / np.float32(width))
        scale = fill(scratch[count * width + i])
        for j in range(0, width, LANES):
            rest = width - j
            inner = multiply(load(at(slope, j), rest), load(at(gains, j), rest))
            found = multiply_add(load(at(normal, j), rest), turn, add(inner, shift))
            store(multiply_add(scale, found, load(at(out, j), rest)), at(out, j), rest)
