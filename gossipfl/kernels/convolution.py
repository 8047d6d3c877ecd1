"""Convolution over images [height, width, channels] by matrix products.

What the kernel sees at one position of the result, its patch, is cut out of the padded image and
laid into a row of a matrix.  A few patches at a time stay in the first cache: positions times
[taps] for the result, their gradients' product for the filters, and the reverse for the image.
Every patch ends with a 1, so that the biases are one more tap.

Scratch holds one padded image, the gradient of one, BLOCK patches of taps + 1 entries, and the
filters [taps + 1, filters], biases last; while going backward their gradient [filters, taps + 1].
"""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.arrays import clear, copy, transpose
from gossipfl.kernels.calls import LAYER, at, call_product, kernel
from gossipfl.kernels.lanes import accumulate, move
from gossipfl.kernels.layout import (
    BIASES,
    BLOCK,
    HEIGHT,
    INPUTS,
    KERNEL_HEIGHT,
    KERNEL_WIDTH,
    MULTIPLY,
    OUT_HEIGHT,
    OUT_WIDTH,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SCRATCH,
    SOURCE,
    SOURCE_GRADIENT,
    STRIDE,
    WEIGHTS,
    WIDTH,
)

ONE = np.float32(1)


@kernel(LAYER)
def convolution_forward(row, parameters, gradient, workspace, batch, shared):
    """Fill the layer's result."""
    positions, taps, size = row[OUT_HEIGHT] * row[OUT_WIDTH], _taps(row), _padded(row)
    filters = row[OUTPUTS] // positions
    image = at(workspace, row[SCRATCH])
    patches = at(image, 2 * size)
    turned = at(patches, row[BLOCK] * (taps + 1))
    transpose(at(parameters, row[WEIGHTS]), filters, taps, turned)
    copy(at(parameters, row[BIASES]), at(turned, taps * filters), filters)
    clear(image, size)
    _end_with_one(row, taps, patches)
    for i in range(batch):
        _pad(row, at(workspace, row[SOURCE] + i * row[INPUTS]), image)
        for first in range(0, positions, row[BLOCK]):
            count = min(row[BLOCK], positions - first)
            _cut(row, image, first, count, patches)
            out = at(workspace, row[RESULT] + i * row[OUTPUTS] + first * filters)
            sizes = (count, filters, taps + 1)
            a, b = (patches, taps + 1, 1), (turned, filters)
            call_product(shared[MULTIPLY], (a, b, (out, filters), sizes, 0))


@kernel(LAYER)
def convolution_backward(row, parameters, gradient, workspace, batch, shared):
    """Gradients of filters and biases and, if wanted, of the source."""
    positions, taps, size = row[OUT_HEIGHT] * row[OUT_WIDTH], _taps(row), _padded(row)
    filters, weights = row[OUTPUTS] // positions, at(parameters, row[WEIGHTS])
    image = at(workspace, row[SCRATCH])
    slope, patches = at(image, size), at(image, 2 * size)
    sums = at(patches, row[BLOCK] * (taps + 1))
    clear(image, size)
    clear(sums, filters * (taps + 1))
    _end_with_one(row, taps, patches)
    for i in range(batch):
        _pad(row, at(workspace, row[SOURCE] + i * row[INPUTS]), image)
        clear(slope, size)
        for first in range(0, positions, row[BLOCK]):
            count = min(row[BLOCK], positions - first)
            _cut(row, image, first, count, patches)
            error = at(workspace, row[RESULT_GRADIENT] + i * row[OUTPUTS] + first * filters)
            out, sizes = (sums, taps + 1), (filters, taps + 1, count)
            call_product(
                shared[MULTIPLY], ((error, 1, filters), (patches, taps + 1), out, sizes, 1)
            )
            if row[SOURCE_GRADIENT] >= 0:
                out, sizes = (patches, taps + 1), (count, taps, filters)
                a, b = (error, filters, 1), (weights, taps)
                call_product(shared[MULTIPLY], (a, b, out, sizes, 0))
                _paste(row, patches, first, count, slope)
        if row[SOURCE_GRADIENT] >= 0:
            _trim(row, slope, at(workspace, row[SOURCE_GRADIENT] + i * row[INPUTS]))
    _put(row, sums, filters, taps, gradient)


@register_jitable
def _taps(row):
    return row[KERNEL_HEIGHT] * row[KERNEL_WIDTH] * _channels(row)


@register_jitable
def _channels(row):
    return row[INPUTS] // (row[HEIGHT] * row[WIDTH])


@register_jitable
def _padding(size, kernel_size, stride, out_size):
    return max((out_size - 1) * stride + kernel_size - size, 0)


@register_jitable
def _rows_padded(row):
    return _padding(row[HEIGHT], row[KERNEL_HEIGHT], row[STRIDE], row[OUT_HEIGHT])


@register_jitable
def _columns_padded(row):
    return _padding(row[WIDTH], row[KERNEL_WIDTH], row[STRIDE], row[OUT_WIDTH])


@register_jitable
def _pitch(row):
    """Entries of one row of the padded image."""
    return (row[WIDTH] + _columns_padded(row)) * _channels(row)


@register_jitable
def _padded(row):
    """Entries of the padded image."""
    return (row[HEIGHT] + _rows_padded(row)) * _pitch(row)


@register_jitable
def _inside(row):
    """Where the image starts within the padded one."""
    return _rows_padded(row) // 2 * _pitch(row) + _columns_padded(row) // 2 * _channels(row)


@register_jitable
def _pad(row, source, image):
    inside, pitch, width = _inside(row), _pitch(row), row[WIDTH] * _channels(row)
    for y in range(row[HEIGHT]):
        move(at(source, y * width), at(image, inside + y * pitch), width)


@register_jitable
def _trim(row, image, out):
    inside, pitch, width = _inside(row), _pitch(row), row[WIDTH] * _channels(row)
    for y in range(row[HEIGHT]):
        move(at(image, inside + y * pitch), at(out, y * width), width)


@register_jitable
def _end_with_one(row, taps, patches):
    for p in range(row[BLOCK]):
        patches[p * (taps + 1) + taps] = ONE


@register_jitable
def _cut(row, image, first, count, patches):
    """patches[count, taps + 1] = what the kernel sees from position `first` on; 1s stay."""
    channels, pitch, length = _channels(row), _pitch(row), _taps(row) + 1
    run, across = row[KERNEL_WIDTH] * channels, row[STRIDE] * channels
    y, x = first // row[OUT_WIDTH], first % row[OUT_WIDTH]
    for p in range(count):
        corner = y * row[STRIDE] * pitch + x * across
        for i in range(row[KERNEL_HEIGHT]):
            move(at(image, corner + i * pitch), at(patches, p * length + i * run), run)
        x += 1
        if x == row[OUT_WIDTH]:
            y, x = y + 1, 0


@register_jitable
def _paste(row, patches, first, count, image):
    """Add patches where they were cut: tap by tap, so that neighbours in time do not overlap."""
    channels, pitch, length = _channels(row), _pitch(row), _taps(row) + 1
    across = row[STRIDE] * channels
    for tap in range(row[KERNEL_HEIGHT] * row[KERNEL_WIDTH]):
        start = tap // row[KERNEL_WIDTH] * pitch + tap % row[KERNEL_WIDTH] * channels
        y, x = first // row[OUT_WIDTH], first % row[OUT_WIDTH]
        for p in range(count):
            corner = start + y * row[STRIDE] * pitch + x * across
            accumulate(at(patches, p * length + tap * channels), at(image, corner), channels)
            x += 1
            if x == row[OUT_WIDTH]:
                y, x = y + 1, 0


@register_jitable
def _put(row, sums, filters, taps, gradient):
    """Gradients of weights [filters, taps] and biases [filters] from those of taps + 1."""
    weights, biases = at(gradient, row[WEIGHTS]), at(gradient, row[BIASES])
    for f in range(filters):
        copy(at(sums, f * (taps + 1)), at(weights, f * taps), taps)
        biases[f] = sums[f * (taps + 1) + taps]
