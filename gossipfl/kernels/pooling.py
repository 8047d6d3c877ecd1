"""Pools: of the squares that cover an image [height, width, channels], largest entry or mean.

The gradient of a largest entry goes to the first one, in rows and then columns, that equals it.
"""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.arrays import clear
from gossipfl.kernels.calls import LAYER, at, kernel
from gossipfl.kernels.lanes import LANES, add, fill, larger, load, multiply, store, where_equal
from gossipfl.kernels.layout import (
    HEIGHT,
    INPUTS,
    KERNEL_HEIGHT,
    KERNEL_WIDTH,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    WIDTH,
)

ZERO, ONE = np.float32(0), np.float32(1)


@kernel(LAYER)
def max_pool_forward(row, parameters, gradient, workspace, batch, shared):
    """result = the largest entry of every square."""
    channels, pitch = _channels(row), _channels(row) * row[WIDTH]
    for square in range(batch * (row[OUTPUTS] // channels)):
        corner = at(workspace, row[SOURCE] + _corner(row, square))
        out = at(workspace, row[RESULT] + square * channels)
        for c in range(0, channels, LANES):
            best = load(at(corner, c), channels - c)
            for i in range(row[KERNEL_HEIGHT]):
                for j in range(row[KERNEL_WIDTH]):
                    entry = at(corner, i * pitch + j * channels + c)
                    best = larger(best, load(entry, channels - c))
            store(best, at(out, c), channels - c)


@kernel(LAYER)
def max_pool_backward(row, parameters, gradient, workspace, batch, shared):
    """Each error to the first entry that equals the result."""
    if row[SOURCE_GRADIENT] < 0:
        return
    channels, pitch = _channels(row), _channels(row) * row[WIDTH]
    clear(at(workspace, row[SOURCE_GRADIENT]), batch * row[INPUTS])
    for square in range(batch * (row[OUTPUTS] // channels)):
        start = _corner(row, square)
        source, out = (
            at(workspace, row[SOURCE] + start),
            at(workspace, row[SOURCE_GRADIENT] + start),
        )
        result = at(workspace, row[RESULT] + square * channels)
        error = at(workspace, row[RESULT_GRADIENT] + square * channels)
        for c in range(0, channels, LANES):
            best, left = load(at(result, c), channels - c), load(at(error, c), channels - c)
            for i in range(row[KERNEL_HEIGHT]):
                for j in range(row[KERNEL_WIDTH]):
                    entry = i * pitch + j * channels + c
                    x = load(at(source, entry), channels - c)
                    store(where_equal(x, best, left, fill(ZERO)), at(out, entry), channels - c)
                    left = where_equal(x, best, fill(ZERO), left)


@kernel(LAYER)
def average_pool_forward(row, parameters, gradient, workspace, batch, shared):
    """result = the mean of every square."""
    channels, pitch = _channels(row), _channels(row) * row[WIDTH]
    share = _share(row)
    for square in range(batch * (row[OUTPUTS] // channels)):
        corner = at(workspace, row[SOURCE] + _corner(row, square))
        out = at(workspace, row[RESULT] + square * channels)
        for c in range(0, channels, LANES):
            total = fill(ZERO)
            for i in range(row[KERNEL_HEIGHT]):
                for j in range(row[KERNEL_WIDTH]):
                    entry = at(corner, i * pitch + j * channels + c)
                    total = add(total, load(entry, channels - c))
            store(multiply(total, fill(share)), at(out, c), channels - c)


@kernel(LAYER)
def average_pool_backward(row, parameters, gradient, workspace, batch, shared):
    """An equal share of the error to every entry."""
    if row[SOURCE_GRADIENT] < 0:
        return
    channels, pitch = _channels(row), _channels(row) * row[WIDTH]
    share = _share(row)
    clear(at(workspace, row[SOURCE_GRADIENT]), batch * row[INPUTS])
    for square in range(batch * (row[OUTPUTS] // channels)):
        out = at(workspace, row[SOURCE_GRADIENT] + _corner(row, square))
        error = at(workspace, row[RESULT_GRADIENT] + square * channels)
        for c in range(0, channels, LANES):
            part = multiply(load(at(error, c), channels - c), fill(share))
            for i in range(row[KERNEL_HEIGHT]):
                for j in range(row[KERNEL_WIDTH]):
                    store(part, at(out, i * pitch + j * channels + c), channels - c)


@register_jitable
def _channels(row):
    return row[INPUTS] // (row[HEIGHT] * row[WIDTH])


@register_jitable
def _share(row):
    return np.float32(ONE / np.float32(row[KERNEL_HEIGHT] * row[KERNEL_WIDTH]))


@register_jitable
def _corner(row, square):
    """Where, of all images of the batch, this square starts."""
    across = row[WIDTH] // row[KERNEL_WIDTH]
    down = row[HEIGHT] // row[KERNEL_HEIGHT]
    y, x = square // across, square % across
    image, y = y // down, y % down
    place = y * row[KERNEL_HEIGHT] * row[WIDTH] + x * row[KERNEL_WIDTH]
    return image * row[INPUTS] + place * _channels(row)
