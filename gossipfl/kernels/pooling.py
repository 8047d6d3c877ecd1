"""Pools: of the squares that cover an image [height, width, channels], largest entry or mean.

The gradient of a largest entry goes to the first one, in rows and then columns, that equals it.
"""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.arrays import clear
from gossipfl.kernels.calls import at, kernel
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
from gossipfl.kernels.signatures import LAYER

ZERO, LEAST = np.float32(0), np.float32(-np.inf)


def _walking(strip):
    """The loop of a kernel over all rows of squares, with `strip` for each.

    strip: takes the sizes of a square (height, width, pitch of the image), how many there are,
    their channels, and where they start: in the source, in its gradient, in the result, in its
    gradient.  For squares of 2 x 2 it is compiled once more: loops of two turns that LLVM cannot
    count cost more than what is in them.
    """
    inlined = register_jitable(forceinline=True)(strip)

    @register_jitable(forceinline=True)
    def walk(row, workspace, batch):
        # Read before the loops: for all that LLVM knows, every store may change the plan.
        height, width, inputs = row[KERNEL_HEIGHT], row[KERNEL_WIDTH], row[INPUTS]
        down, across, pitch = row[HEIGHT] // height, row[WIDTH] // width, inputs // row[HEIGHT]
        channels = pitch // row[WIDTH]
        source, source_gradient = row[SOURCE], row[SOURCE_GRADIENT]
        result, result_gradient = row[RESULT], row[RESULT_GRADIENT]
        for i in range(batch):
            for y in range(down):
                whole, parts = i * inputs + y * height * pitch, (i * down + y) * across * channels
                places = (
                    at(workspace, source + whole),
                    at(workspace, source_gradient + whole),
                    at(workspace, result + parts),
                    at(workspace, result_gradient + parts),
                )
                if height == 2 and width == 2:
                    inlined((2, 2, pitch), across, channels, places)
                else:
                    inlined((height, width, pitch), across, channels, places)

    return walk


@_walking
def _largest(sizes, across, channels, places):
    (height, width, pitch), (image, _, out, _) = sizes, places
    for x in range(across):
        for c in range(0, channels, LANES):
            best, corner = fill(LEAST), at(image, x * width * channels + c)
            for i in range(height):
                for j in range(width):
                    entry = load(at(corner, i * pitch + j * channels), channels - c)
                    best = larger(best, entry)
            store(best, at(out, x * channels + c), channels - c)


@_walking
def _give(sizes, across, channels, places):
    (height, width, pitch), (image, out, result, error) = sizes, places
    for x in range(across):
        for c in range(0, channels, LANES):
            square, start = x * channels + c, x * width * channels + c
            best = load(at(result, square), channels - c)
            left = load(at(error, square), channels - c)
            for i in range(height):
                for j in range(width):
                    entry = start + i * pitch + j * channels
                    value = load(at(image, entry), channels - c)
                    given = where_equal(value, best, left, fill(ZERO))
                    store(given, at(out, entry), channels - c)
                    left = where_equal(value, best, fill(ZERO), left)


@_walking
def _mean(sizes, across, channels, places):
    (height, width, pitch), (image, _, out, _) = sizes, places
    factor = fill(np.float32(1 / (height * width)))
    for x in range(across):
        for c in range(0, channels, LANES):
            total, corner = fill(ZERO), at(image, x * width * channels + c)
            for i in range(height):
                for j in range(width):
                    total = add(total, load(at(corner, i * pitch + j * channels), channels - c))
            store(multiply(total, factor), at(out, x * channels + c), channels - c)


@_walking
def _share(sizes, across, channels, places):
    (height, width, pitch), (_, out, _, error) = sizes, places
    factor = fill(np.float32(1 / (height * width)))
    for x in range(across):
        for c in range(0, channels, LANES):
            part = multiply(load(at(error, x * channels + c), channels - c), factor)
            corner = at(out, x * width * channels + c)
            for i in range(height):
                for j in range(width):
                    store(part, at(corner, i * pitch + j * channels), channels - c)


@kernel(LAYER)
def max_pool_forward(row, parameters, gradient, workspace, batch, shared):
    """result = the largest entry of every square."""
    _largest(row, workspace, batch)


@kernel(LAYER)
def max_pool_backward(row, parameters, gradient, workspace, batch, shared):
    """Each error to the first entry that equals the result."""
    if row[SOURCE_GRADIENT] >= 0:
        _clear_edges(row, batch, at(workspace, row[SOURCE_GRADIENT]))
        _give(row, workspace, batch)


@kernel(LAYER)
def average_pool_forward(row, parameters, gradient, workspace, batch, shared):
    """result = the mean of every square."""
    _mean(row, workspace, batch)


@kernel(LAYER)
def average_pool_backward(row, parameters, gradient, workspace, batch, shared):
    """An equal share of the error to every entry."""
    if row[SOURCE_GRADIENT] >= 0:
        _clear_edges(row, batch, at(workspace, row[SOURCE_GRADIENT]))
        _share(row, workspace, batch)


@register_jitable
def _clear_edges(row, batch, out):
    """Zeros where no square lies; where squares cover everything, they will write everything."""
    if row[HEIGHT] % row[KERNEL_HEIGHT] or row[WIDTH] % row[KERNEL_WIDTH]:
        clear(out, batch * row[INPUTS])
