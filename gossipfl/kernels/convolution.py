"""Convolution over images [height, width, channels] by matrix products, example by example.

An entry of the padded image that the kernel sees lies where its position on the image starts, plus
where its tap starts on the kernel.  So one product that is given these two lists multiplies what
all positions see without laying it out, and stays in the first cache:

    result[positions, filters] = seen[positions, taps] filters[taps, filters]
    filters' gradient[taps, filters] = seen transposed, the lists exchanged, times the errors

The image's gradient is the same product over the errors, put between zeros as the stride asks and
padded, with the taps in reverse.

Where filters fill at most half a vector, two positions that adjoin are computed as one, by a wider
kernel with every filter in it twice, a stride apart; the same with channels on the way back.

Scratch: see `sliding`.
"""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.arrays import clear
from gossipfl.kernels.calls import at, call_listed_product, kernel
from gossipfl.kernels.lanes import LANES, add, fill, load, store, sum_lines
from gossipfl.kernels.layout import (
    BIASES,
    HEIGHT,
    INPUTS,
    KERNEL_HEIGHT,
    KERNEL_WIDTH,
    MULTIPLY_LISTED,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    STRIDE,
    WEIGHTS,
    WIDTH,
)
from gossipfl.kernels.signatures import LAYER
from gossipfl.kernels.sliding import (
    channels_of,
    filters_of,
    list_errors,
    list_seen,
    pad,
    padded,
    padded_errors,
    pixels_at_once,
    positions_at_once,
    positions_of,
    scratch,
    spread,
)

ZERO = np.float32(0)


@kernel(LAYER)
def convolution_forward(row, parameters, gradient, workspace, batch, shared):
    """Fill the layer's result."""
    filters, positions, pack = filters_of(row), positions_of(row), positions_at_once(row)
    starts, places, image, _, wide = scratch(row, workspace)
    sizes = (positions // pack, pack * filters, list_seen(row, starts, places))
    _widen(row, at(parameters, row[WEIGHTS]), wide)
    clear(image, padded(row))
    for i in range(batch):
        pad(row, at(workspace, row[SOURCE] + i * row[INPUTS]), image)
        out = at(workspace, row[RESULT] + i * row[OUTPUTS])
        _repeat(at(parameters, row[BIASES]), filters, pack, out)
        _repeat(out, sizes[1], sizes[0], out)
        a, b, c = (image, starts, places), (wide, sizes[1]), (out, sizes[1])
        call_listed_product(shared[MULTIPLY_LISTED], (a, b, c, sizes, 1))


@kernel(LAYER)
def convolution_backward(row, parameters, gradient, workspace, batch, shared):
    """Gradients of filters and biases and, if wanted, of the source."""
    filters, positions, pack = filters_of(row), positions_of(row), positions_at_once(row)
    starts, places, image, _, sums = scratch(row, workspace)
    sizes = (list_seen(row, starts, places), pack * filters, positions // pack)
    clear(sums, sizes[0] * sizes[1])
    clear(image, padded(row))
    for i in range(batch):
        pad(row, at(workspace, row[SOURCE] + i * row[INPUTS]), image)
        errors = at(workspace, row[RESULT_GRADIENT] + i * row[OUTPUTS])
        a, b, out = (image, places, starts), (errors, sizes[1]), (sums, sizes[1])
        call_listed_product(shared[MULTIPLY_LISTED], (a, b, out, sizes, 1))
    _narrow(row, sums, at(gradient, row[WEIGHTS]))
    errors = at(workspace, row[RESULT_GRADIENT])
    _sum_positions(errors, sizes[1], batch * sizes[2], sums)
    sum_lines(sums, pack, filters, at(gradient, row[BIASES]))
    if row[SOURCE_GRADIENT] >= 0:
        _source_backward(row, parameters, workspace, batch, shared)


@register_jitable
def _source_backward(row, parameters, workspace, batch, shared):
    pixels, pack = row[HEIGHT] * row[WIDTH], pixels_at_once(row)
    starts, places, _, errors, wide = scratch(row, workspace)
    sizes = (pixels // pack, pack * channels_of(row), list_errors(row, starts, places))
    _widen_back(row, at(parameters, row[WEIGHTS]), wide)
    clear(errors, padded_errors(row))
    for i in range(batch):
        spread(row, at(workspace, row[RESULT_GRADIENT] + i * row[OUTPUTS]), errors)
        out = at(workspace, row[SOURCE_GRADIENT] + i * row[INPUTS])
        a, b, c = (errors, starts, places), (wide, sizes[1]), (out, sizes[1])
        call_listed_product(shared[MULTIPLY_LISTED], (a, b, c, sizes, 0))


@register_jitable
def _widen(row, weights, out):
    """out[lines, wider, channels, pack, filters] of weights [filters, lines, width, channels]."""
    filters, pack, stride = filters_of(row), positions_at_once(row), row[STRIDE]
    lines, run = row[KERNEL_HEIGHT], row[KERNEL_WIDTH] * channels_of(row)
    shift = stride * channels_of(row)
    wider = run + (pack - 1) * shift
    clear(out, lines * wider * pack * filters)
    for f in range(filters):
        for d in range(pack):
            for i in range(lines):
                for j in range(run):
                    place = (i * wider + d * shift + j) * pack + d
                    out[place * filters + f] = weights[(f * lines + i) * run + j]


@register_jitable
def _narrow(row, sums, out):
    """The reverse of `_widen` for gradients: weights that lie in two places have the sum."""
    filters, pack, stride = filters_of(row), positions_at_once(row), row[STRIDE]
    lines, run = row[KERNEL_HEIGHT], row[KERNEL_WIDTH] * channels_of(row)
    shift = stride * channels_of(row)
    wider = run + (pack - 1) * shift
    for f in range(filters):
        for i in range(lines):
            for j in range(run):
                total = ZERO
                for d in range(pack):
                    total += sums[((i * wider + d * shift + j) * pack + d) * filters + f]
                out[(f * lines + i) * run + j] = total


@register_jitable
def _widen_back(row, weights, out):
    """out[filters, lines, wider, pack, channels] of the same weights."""
    pack, channels, width = pixels_at_once(row), channels_of(row), row[KERNEL_WIDTH]
    lines, wider = filters_of(row) * row[KERNEL_HEIGHT], width + pack - 1
    clear(out, lines * wider * pack * channels)
    for i in range(lines):
        for j in range(width):
            for d in range(pack):
                place = (i * wider + j + pack - 1 - d) * pack + d
                for c in range(channels):
                    out[place * channels + c] = weights[(i * width + j) * channels + c]


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
