"""Convolution over images [height, width, channels] by matrix products, example by example.

An entry of the padded image that the kernel sees lies where its position on the image starts, plus
where its tap starts on the kernel.  So one product that is given these two lists multiplies what
all positions see without laying it out, and stays in the first cache:

    result[positions, filters] = seen[positions, taps] filters[taps, filters]
    filters' gradient[taps, filters] = seen transposed, the lists exchanged, times the errors

The image's gradient is the same product over the errors, put between zeros as the stride asks and
padded, with the taps in reverse.

Scratch holds four lists i64: positions, taps, and both for the way back; the padded image; the
padded errors; filters [taps, filters], while going backward their gradient.
"""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.arrays import clear, transpose
from gossipfl.kernels.calls import LAYER, at, call_listed_product, integers_at, kernel
from gossipfl.kernels.lanes import LANES, add, fill, load, move, store
from gossipfl.kernels.layout import (
    BIASES,
    HEIGHT,
    INPUTS,
    KERNEL_HEIGHT,
    KERNEL_WIDTH,
    MULTIPLY_LISTED,
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

ZERO = np.float32(0)


@kernel(LAYER)
def convolution_forward(row, parameters, gradient, workspace, batch, shared):
    """Fill the layer's result."""
    positions, filters, taps = _sizes(row)
    starts, places, image, _, turned = _scratch(row, workspace)
    _list_seen(row, starts, places)
    transpose(at(parameters, row[WEIGHTS]), filters, taps, turned)
    clear(image, _padded(row))
    for i in range(batch):
        _pad(row, at(workspace, row[SOURCE] + i * row[INPUTS]), image)
        out = at(workspace, row[RESULT] + i * row[OUTPUTS])
        _repeat(at(parameters, row[BIASES]), filters, positions, out)
        a, b, sizes = (image, starts, places), (turned, filters), (positions, filters, taps)
        call_listed_product(shared[MULTIPLY_LISTED], (a, b, (out, filters), sizes, 1))


@kernel(LAYER)
def convolution_backward(row, parameters, gradient, workspace, batch, shared):
    """Gradients of filters and biases and, if wanted, of the source."""
    positions, filters, taps = _sizes(row)
    starts, places, image, _, sums = _scratch(row, workspace)
    _list_seen(row, starts, places)
    clear(sums, taps * filters)
    clear(image, _padded(row))
    for i in range(batch):
        _pad(row, at(workspace, row[SOURCE] + i * row[INPUTS]), image)
        errors = (at(workspace, row[RESULT_GRADIENT] + i * row[OUTPUTS]), filters)
        a, out, sizes = (image, places, starts), (sums, filters), (taps, filters, positions)
        call_listed_product(shared[MULTIPLY_LISTED], (a, errors, out, sizes, 1))
    transpose(sums, taps, filters, at(gradient, row[WEIGHTS]))
    errors = at(workspace, row[RESULT_GRADIENT])
    _sum_positions(errors, filters, batch * positions, at(gradient, row[BIASES]))
    if row[SOURCE_GRADIENT] >= 0:
        _source_backward(row, parameters, workspace, batch, shared)


@register_jitable
def _source_backward(row, parameters, workspace, batch, shared):
    """The weights as they lie are [filters and places, channels]: the second operand."""
    lists, _, _, errors, _ = _scratch(row, workspace)
    starts, places = _lists_back(row, lists)
    _list_errors(row, starts, places)
    clear(errors, _padded_errors(row))
    channels, pixels = _channels(row), row[HEIGHT] * row[WIDTH]
    weights = (at(parameters, row[WEIGHTS]), channels)
    sizes = (pixels, channels, row[OUTPUTS] // _sizes(row)[0] * (_sizes(row)[2] // channels))
    for i in range(batch):
        _spread(row, at(workspace, row[RESULT_GRADIENT] + i * row[OUTPUTS]), errors)
        out = (at(workspace, row[SOURCE_GRADIENT] + i * row[INPUTS]), channels)
        a = (errors, starts, places)
        call_listed_product(shared[MULTIPLY_LISTED], (a, weights, out, sizes, 0))


@register_jitable
def _sizes(row):
    """(positions, filters, taps)."""
    positions = row[OUT_HEIGHT] * row[OUT_WIDTH]
    taps = row[KERNEL_HEIGHT] * row[KERNEL_WIDTH] * _channels(row)
    return positions, row[OUTPUTS] // positions, taps


@register_jitable
def _channels(row):
    return row[INPUTS] // (row[HEIGHT] * row[WIDTH])


@register_jitable
def _padding(row):
    """Rows and columns that are padded, on both sides together."""
    down = (row[OUT_HEIGHT] - 1) * row[STRIDE] + row[KERNEL_HEIGHT] - row[HEIGHT]
    across = (row[OUT_WIDTH] - 1) * row[STRIDE] + row[KERNEL_WIDTH] - row[WIDTH]
    return max(down, 0), max(across, 0)


@register_jitable
def _pitch(row):
    """Entries of a row of the padded image."""
    return (row[WIDTH] + _padding(row)[1]) * _channels(row)


@register_jitable
def _padded(row):
    """Entries of the padded image."""
    return (row[HEIGHT] + _padding(row)[0]) * _pitch(row)


@register_jitable
def _pitch_of_errors(row):
    """Entries of a row of the padded errors, which the whole kernel overhangs on both sides."""
    return (row[WIDTH] + _padding(row)[1] + row[KERNEL_WIDTH] - 1) * _sizes(row)[1]


@register_jitable
def _padded_errors(row):
    """Entries of the padded errors."""
    return (row[HEIGHT] + _padding(row)[0] + row[KERNEL_HEIGHT] - 1) * _pitch_of_errors(row)


@register_jitable
def _scratch(row, workspace):
    """(starts of positions, of taps, padded image, padded errors, filters)."""
    positions, filters, taps = _sizes(row)
    lists = integers_at(workspace, row[SCRATCH])
    kernel_size = row[KERNEL_HEIGHT] * row[KERNEL_WIDTH]
    listed = positions + taps + row[HEIGHT] * row[WIDTH] + filters * kernel_size
    image = at(workspace, row[SCRATCH] + 2 * listed)
    errors = at(image, _padded(row))
    return lists, at(lists, positions), image, errors, at(errors, _padded_errors(row))


@register_jitable
def _lists_back(row, lists):
    """(starts of pixels, of filters and places) behind the other two lists."""
    positions, _, taps = _sizes(row)
    starts = at(lists, positions + taps)
    return starts, at(starts, row[HEIGHT] * row[WIDTH])


# What follows reads the plan before its loops: for all that LLVM knows, a store may change it.


@register_jitable
def _list_seen(row, starts, places):
    """Where positions start on the padded image, and taps on the kernel."""
    pitch, channels, stride = _pitch(row), _channels(row), row[STRIDE]
    _list_grid((row[OUT_HEIGHT], row[OUT_WIDTH], 1), stride * pitch, stride * channels, starts)
    _list_grid((row[KERNEL_HEIGHT], row[KERNEL_WIDTH], channels), pitch, channels, places)


@register_jitable
def _list_errors(row, starts, places):
    """Where pixels start on the padded errors; where filters and, in reverse, their places do."""
    (_, filters, _), pitch, (top, left) = _sizes(row), _pitch_of_errors(row), _padding(row)
    first = top // 2 * pitch + left // 2 * filters
    _list_grid((row[HEIGHT], row[WIDTH], 1), pitch, filters, starts)
    height, width = row[KERNEL_HEIGHT], row[KERNEL_WIDTH]
    last = first + (height - 1) * pitch + (width - 1) * filters
    for f in range(filters):
        out = at(places, f * height * width)
        _list_grid((height, width, 1), -pitch, -filters, out)
        for i in range(height * width):
            out[i] += last + f


@register_jitable
def _list_grid(shape, down, across, out):
    """out[shape] = where each entry lies: rows `down` apart, columns `across`, the rest adjoin."""
    height, width, depth = shape
    for y in range(height):
        for x in range(width):
            for c in range(depth):
                out[(y * width + x) * depth + c] = y * down + x * across + c


@register_jitable
def _pad(row, source, image):
    """Copy an image into its padding."""
    channels, pitch, (top, left) = _channels(row), _pitch(row), _padding(row)
    height, width = row[HEIGHT], row[WIDTH] * channels
    inside = at(image, top // 2 * pitch + left // 2 * channels)
    for y in range(height):
        move(at(source, y * width), at(inside, y * pitch), width)


@register_jitable
def _spread(row, source, errors):
    """Copy the errors of an example to where the kernel starts to see their positions."""
    (_, filters, _), pitch, stride = _sizes(row), _pitch_of_errors(row), row[STRIDE]
    height, width = row[OUT_HEIGHT], row[OUT_WIDTH]
    corner = at(errors, (row[KERNEL_HEIGHT] - 1) * pitch + (row[KERNEL_WIDTH] - 1) * filters)
    for y in range(height):
        for x in range(width):
            out = at(corner, stride * (y * pitch + x * filters))
            move(at(source, (y * width + x) * filters), out, filters)


@register_jitable
def _repeat(source, width, rows, out):
    """out[rows, width] = source[width] in every row."""
    for c in range(0, width, LANES):
        line, rest = load(at(source, c), width - c), width - c
        for i in range(rows):
            store(line, at(out, i * width + c), rest)


@register_jitable
def _sum_positions(source, width, rows, out):
    """out[width] = the sum of source[rows, width]; two sums at a time, as adding takes its time."""
    for c in range(0, width, LANES):
        even, odd, rest = fill(ZERO), fill(ZERO), width - c
        for i in range(0, rows - 1, 2):
            even = add(even, load(at(source, i * width + c), rest))
            odd = add(odd, load(at(source, (i + 1) * width + c), rest))
        if rows % 2:
            even = add(even, load(at(source, (rows - 1) * width + c), rest))
        store(add(even, odd), at(out, c), rest)
