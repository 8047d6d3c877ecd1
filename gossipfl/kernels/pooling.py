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
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    WIDTH,
)

ZERO, LEAST = np.float32(0), np.float32(-np.inf)


@kernel(LAYER)
def max_pool_forward(row, parameters, gradient, workspace, batch, shared):
    """result = the largest entry of every square."""
    down, across, channels, sizes = _geometry(row)
    out = at(workspace, row[RESULT])
    for strip in range(batch * down):
        corner = at(workspace, row[SOURCE] + _start(row, strip, down))
        for x in range(across):
            _largest(at(corner, x * sizes[3]), channels, sizes, at(out, x * channels))
        out = at(out, across * channels)


@kernel(LAYER)
def max_pool_backward(row, parameters, gradient, workspace, batch, shared):
    """Each error to the first entry that equals the result."""
    if row[SOURCE_GRADIENT] < 0:
        return
    down, across, channels, sizes = _geometry(row)
    result, error = at(workspace, row[RESULT]), at(workspace, row[RESULT_GRADIENT])
    _clear_edges(row, batch, at(workspace, row[SOURCE_GRADIENT]))
    for strip in range(batch * down):
        start = _start(row, strip, down)
        source, out = at(workspace, row[SOURCE] + start), row[SOURCE_GRADIENT] + start
        for x in range(across):
            place, square = x * sizes[3], x * channels
            pair = (at(result, square), at(error, square))
            _give(pair, at(source, place), channels, sizes, at(workspace, out + place))
        result, error = at(result, across * channels), at(error, across * channels)


@kernel(LAYER)
def average_pool_forward(row, parameters, gradient, workspace, batch, shared):
    """result = the mean of every square."""
    down, across, channels, sizes = _geometry(row)
    out = at(workspace, row[RESULT])
    for strip in range(batch * down):
        corner = at(workspace, row[SOURCE] + _start(row, strip, down))
        for x in range(across):
            _mean(at(corner, x * sizes[3]), channels, sizes, at(out, x * channels))
        out = at(out, across * channels)


@kernel(LAYER)
def average_pool_backward(row, parameters, gradient, workspace, batch, shared):
    """An equal share of the error to every entry."""
    if row[SOURCE_GRADIENT] < 0:
        return
    down, across, channels, sizes = _geometry(row)
    error = at(workspace, row[RESULT_GRADIENT])
    _clear_edges(row, batch, at(workspace, row[SOURCE_GRADIENT]))
    for strip in range(batch * down):
        corner = at(workspace, row[SOURCE_GRADIENT] + _start(row, strip, down))
        for x in range(across):
            _share(at(error, x * channels), channels, sizes, at(corner, x * sizes[3]))
        error = at(error, across * channels)


@register_jitable
def _geometry(row):
    """(squares down, squares across, channels, sizes of a square).

    Read once: for all that LLVM knows, every store may change the plan.
    """
    down, across = row[HEIGHT] // row[KERNEL_HEIGHT], row[WIDTH] // row[KERNEL_WIDTH]
    channels = row[INPUTS] // (row[HEIGHT] * row[WIDTH])
    height, width = row[KERNEL_HEIGHT], row[KERNEL_WIDTH]
    sizes = (height, width, row[WIDTH] * channels, width * channels)  # and pitch, and step
    return down, across, channels, sizes


@register_jitable
def _start(row, strip, down):
    """Where a strip of squares starts, with strips counted through the whole batch."""
    image, y = strip // down, strip % down
    return image * row[INPUTS] + y * row[KERNEL_HEIGHT] * (row[INPUTS] // row[HEIGHT])


@register_jitable
def _clear_edges(row, batch, out):
    """Zeros where no square lies; where squares cover everything, they will write everything."""
    if row[HEIGHT] % row[KERNEL_HEIGHT] or row[WIDTH] % row[KERNEL_WIDTH]:
        clear(out, batch * row[INPUTS])


@register_jitable
def _largest(corner, channels, sizes, out):
    height, width, pitch, _ = sizes
    for c in range(0, channels, LANES):
        best = fill(LEAST)
        for i in range(height):
            for j in range(width):
                best = larger(best, load(at(corner, i * pitch + j * channels + c), channels - c))
        store(best, at(out, c), channels - c)


@register_jitable
def _give(pair, source, channels, sizes, out):
    result, error = pair
    height, width, pitch, _ = sizes
    for c in range(0, channels, LANES):
        best, left = load(at(result, c), channels - c), load(at(error, c), channels - c)
        for i in range(height):
            for j in range(width):
                entry = i * pitch + j * channels + c
                x = load(at(source, entry), channels - c)
                store(where_equal(x, best, left, fill(ZERO)), at(out, entry), channels - c)
                left = where_equal(x, best, fill(ZERO), left)


@register_jitable
def _mean(corner, channels, sizes, out):
    height, width, pitch, _ = sizes
    factor = fill(np.float32(1 / (height * width)))
    for c in range(0, channels, LANES):
        total = fill(ZERO)
        for i in range(height):
            for j in range(width):
                total = add(total, load(at(corner, i * pitch + j * channels + c), channels - c))
        store(multiply(total, factor), at(out, c), channels - c)


@register_jitable
def _share(error, channels, sizes, out):
    height, width, pitch, _ = sizes
    factor = fill(np.float32(1 / (height * width)))
    for c in range(0, channels, LANES):
        part = multiply(load(at(error, c), channels - c), factor)
        for i in range(height):
            for j in range(width):
                store(part, at(out, i * pitch + j * channels + c), channels - c)
