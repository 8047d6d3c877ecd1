"""Scaled dot-product attention of several heads (Vaswani et al. 2017, arXiv:1706.03762), as steps
of a layer, one example at a time.

Queries, keys and values lie side by side in rows [times, 3 width], a head's within each of them.
Scores are kept turned, [key's time, query's time]: a softmax then runs down the columns, many at a
time, without a sum across lanes.  `spare` is room for [width, times], then for [times, times].
"""

import math

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.calls import at, call_product
from gossipfl.kernels.elementary import exp
from gossipfl.kernels.lanes import (
    LANES,
    add,
    divide,
    fill,
    larger,
    load,
    multiply,
    multiply_add,
    store,
    subtract,
)
from gossipfl.kernels.layout import MULTIPLY

ZERO, ONE = np.float32(0), np.float32(1)


@register_jitable
def attend(rows, sizes, weights, out, spare, shared):
    """out[times, width] from rows, whose queries are scaled; weights [heads, times, times] stay."""
    times, width, heads = sizes
    each, square = width // heads, times * times
    _scale(rows, times, width, 3 * width, np.float32(ONE / math.sqrt(each)))
    _turn(rows, times, width, 3 * width, spare)
    for head in range(heads):
        query, key = at(spare, head * each * times), at(rows, width + head * each)
        scores, value = at(weights, head * square), at(rows, 2 * width + head * each)
        a, b = (key, 3 * width, 1), (query, times)
        call_product(shared[MULTIPLY], (a, b, (scores, times), (times, times, each), 0))
        _softmax(scores, times)
        a, b, target = (scores, 1, times), (value, 3 * width), (at(out, head * each), width)
        call_product(shared[MULTIPLY], (a, b, target, (times, each, times), 0))


@register_jitable
def attend_back(rows, error, sizes, weights, slopes, spare, shared):
    """slopes[times, 3 width], of the rows before they were scaled, from error[times, width]."""
    times, width, heads = sizes
    each, square, wide = width // heads, times * times, 3 * width
    change = at(spare, width * times)
    _turn(error, times, width, width, spare)
    for head in range(heads):
        start = head * each
        query, key, value = at(rows, start), at(rows, width + start), at(rows, 2 * width + start)
        kept, small = at(weights, head * square), (times, each, times)
        a, b = (value, wide, 1), (at(spare, start * times), times)
        call_product(shared[MULTIPLY], (a, b, (change, times), (times, times, each), 0))
        out = (at(slopes, 2 * width + start), wide)
        call_product(shared[MULTIPLY], ((kept, times, 1), (at(error, start), width), out, small, 0))
        _softmax_back(kept, times, change)
        out = (at(slopes, start), wide)
        call_product(shared[MULTIPLY], ((change, 1, times), (key, wide), out, small, 0))
        out = (at(slopes, width + start), wide)
        call_product(shared[MULTIPLY], ((change, times, 1), (query, wide), out, small, 0))
    _scale(slopes, times, width, wide, np.float32(ONE / math.sqrt(each)))


@register_jitable
def _scale(rows, count, width, pitch, factor):
    """The first `width` entries of every row, times the factor."""
    factors = fill(factor)
    for i in range(0, count * pitch, pitch):
        for j in range(0, width, LANES):
            found = multiply(load(at(rows, i + j), width - j), factors)
            store(found, at(rows, i + j), width - j)


@register_jitable
def _turn(rows, count, width, pitch, out):
    """out[width, count] = the first `width` entries of every row, transposed."""
    for j in range(width):
        for i in range(count):
            out[j * count + i] = rows[i * pitch + j]


@register_jitable
def _softmax(scores, side):
    """Each column of scores[side, side] to positive numbers that sum to 1."""
    for t in range(0, side, LANES):
        rest, largest = side - t, load(at(scores, t), side - t)
        for s in range(side + t, side * side, side):
            largest = larger(largest, load(at(scores, s), rest))
        for s in range(t, side * side, side):
            store(subtract(load(at(scores, s), rest), largest), at(scores, s), rest)
    for i in range(side * side):
        scores[i] = exp(scores[i])
    for t in range(0, side, LANES):
        rest, sums = side - t, fill(ZERO)
        for s in range(t, side * side, side):
            sums = add(sums, load(at(scores, s), rest))
        factors = divide(fill(ONE), sums)
        for s in range(t, side * side, side):
            store(multiply(load(at(scores, s), rest), factors), at(scores, s), rest)


@register_jitable
def _softmax_back(weights, side, change):
    """change = weights (change - the sum of weights times change), down every column."""
    for t in range(0, side, LANES):
        rest, sums = side - t, fill(ZERO)
        for s in range(t, side * side, side):
            sums = multiply_add(load(at(weights, s), rest), load(at(change, s), rest), sums)
        for s in range(t, side * side, side):
            found = subtract(load(at(change, s), rest), sums)
            store(multiply(load(at(weights, s), rest), found), at(change, s), rest)
