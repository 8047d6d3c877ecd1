"""Group normalisation (Wu & He 2018, arXiv:1803.08494): each group of channels, over all positions
of an example, to mean 0 and variance 1.

    y = gain (x - mean) / sqrt(variance + EPSILON) + bias       gain and bias per channel

Scratch holds rows of one entry a channel: mean and factor 1 / sqrt(variance + EPSILON) of every
example, then three rows for sums and coefficients.
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
    load,
    multiply,
    multiply_add,
    store,
    subtract,
)
from gossipfl.kernels.layout import (
    BIASES,
    CHANNELS,
    GROUPS,
    INPUTS,
    RESULT,
    RESULT_GRADIENT,
    SCRATCH,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
)
from gossipfl.kernels.normalisation import EPSILON
from gossipfl.kernels.signatures import LAYER

ZERO = np.float32(0)


@kernel(LAYER)
def group_norm_forward(row, parameters, gradient, workspace, batch, shared):
    """Fill the layer's result; the mean is taken away before squares are summed."""
    channels, size = row[CHANNELS], row[INPUTS]
    positions = size // channels
    gains, biases = at(parameters, row[WEIGHTS]), at(parameters, row[BIASES])
    for i in range(batch):
        x, out = at(workspace, row[SOURCE] + i * size), at(workspace, row[RESULT] + i * size)
        mean = at(workspace, row[SCRATCH] + 2 * i * channels)
        factor = at(mean, channels)
        _sums(x, positions, channels, mean)
        _spread(mean, channels, row[GROUPS], positions)
        _square_sums(x, mean, positions, channels, factor)
        _spread(factor, channels, row[GROUPS], positions)
        for c in range(channels):
            factor[c] = np.float32(1 / math.sqrt(factor[c] + EPSILON))
        for c in range(0, channels, LANES):
            rest = channels - c
            middle, bias = load(at(mean, c), rest), load(at(biases, c), rest)
            scale = multiply(load(at(factor, c), rest), load(at(gains, c), rest))
            for p in range(c, c + size, channels):
                normal = subtract(load(at(x, p), rest), middle)
                store(multiply_add(normal, scale, bias), at(out, p), rest)


@kernel(LAYER)
def group_norm_backward(row, parameters, gradient, workspace, batch, shared):
    """Gradients of gain and bias and, if wanted, of the source."""
    channels, size = row[CHANNELS], row[INPUTS]
    gains = at(parameters, row[WEIGHTS])
    by_gain, by_bias = at(gradient, row[WEIGHTS]), at(gradient, row[BIASES])
    sums = at(workspace, row[SCRATCH] + 2 * batch * channels)
    along, slope = at(sums, channels), at(sums, 2 * channels)
    clear(by_gain, channels)
    clear(by_bias, channels)
    for i in range(batch):
        x, error = at(workspace, row[SOURCE] + i * size), row[RESULT_GRADIENT] + i * size
        mean = at(workspace, row[SCRATCH] + 2 * i * channels)
        factor, error = at(mean, channels), at(workspace, error)
        _sums(error, size // channels, channels, sums)
        _products(x, mean, error, size, channels, along)
        for c in range(channels):
            along[c] *= factor[c]
            by_gain[c] += along[c]
            by_bias[c] += sums[c]
        if row[SOURCE_GRADIENT] >= 0:
            for c in range(channels):
                sums[c] *= gains[c]
                along[c] *= gains[c]
                slope[c] = factor[c] * gains[c]
            _spread(sums, channels, row[GROUPS], size // channels)
            _spread(along, channels, row[GROUPS], size // channels)
            for c in range(channels):
                sums[c] *= -factor[c]
                along[c] *= -factor[c] * factor[c]
            out = at(workspace, row[SOURCE_GRADIENT] + i * size)
            _pass_back(x, mean, error, (size, channels), sums, out)


@register_jitable
def _pass_back(x, mean, error, sizes, rows, out):
    """out = slope error + along (x - mean) + shift, where rows are shift, along and slope."""
    size, channels = sizes
    for c in range(0, channels, LANES):
        rest = channels - c
        middle, shift = load(at(mean, c), rest), load(at(rows, c), rest)
        along, slope = load(at(rows, channels + c), rest), load(at(rows, 2 * channels + c), rest)
        for p in range(c, c + size, channels):
            normal = subtract(load(at(x, p), rest), middle)
            found = multiply_add(normal, along, shift)
            store(multiply_add(load(at(error, p), rest), slope, found), at(out, p), rest)


@register_jitable
def _sums(x, positions, channels, out):
    """out[channels] = sums over the positions."""
    for c in range(0, channels, LANES):
        total = fill(ZERO)
        for p in range(c, c + positions * channels, channels):
            total = add(total, load(at(x, p), channels - c))
        store(total, at(out, c), channels - c)


@register_jitable
def _square_sums(x, mean, positions, channels, out):
    """out[channels] = sums of (x - mean) squared."""
    for c in range(0, channels, LANES):
        rest = channels - c
        total, middle = fill(ZERO), load(at(mean, c), rest)
        for p in range(c, c + positions * channels, channels):
            off = subtract(load(at(x, p), rest), middle)
            total = multiply_add(off, off, total)
        store(total, at(out, c), rest)


@register_jitable
def _products(x, mean, error, size, channels, out):
    """out[channels] = sums of error (x - mean)."""
    for c in range(0, channels, LANES):
        rest = channels - c
        total, middle = fill(ZERO), load(at(mean, c), rest)
        for p in range(c, c + size, channels):
            off = subtract(load(at(x, p), rest), middle)
            total = multiply_add(off, load(at(error, p), rest), total)
        store(total, at(out, c), rest)


@register_jitable
def _spread(sums, channels, groups, positions):
    """From sums per channel to the mean of its group, for every channel."""
    width = channels // groups
    for first in range(0, channels, width):
        total = 0.0
        for c in range(first, first + width):
            total += sums[c]
        for c in range(first, first + width):
            sums[c] = np.float32(total / (width * positions))
