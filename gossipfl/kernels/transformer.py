"""One block of a transformer's encoder, normalised first (Xiong et al. 2020, arXiv:2002.04745):

    y = x + attention(norm(x)) O + o
    z = y + relu(norm(y) W + w) V + v

Attention is in attention.py.  Weights are those of queries, keys and values [3 width, width], of O
[width, width], of W [hidden, width] and of V [width, hidden]; biases o, w and v, then a gain and a
bias for each of the norms.  Queries, keys and values need no biases: the norm's already goes
through their weights, and a key's could change nothing, since it adds the same to all scores.
"""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.arrays import copy
from gossipfl.kernels.attention import attend, attend_back
from gossipfl.kernels.calls import at, kernel
from gossipfl.kernels.lanes import spread, sum_lines
from gossipfl.kernels.layout import (
    BIASES,
    HEADS,
    HIDDEN,
    INPUTS,
    RESULT,
    RESULT_GRADIENT,
    SCRATCH,
    SOURCE,
    SOURCE_GRADIENT,
    TIMES,
    WEIGHTS,
)
from gossipfl.kernels.linear import linear_back, linear_forward, linear_slopes
from gossipfl.kernels.normalisation import normalise, normalise_back, normalise_slopes
from gossipfl.kernels.signatures import LAYER

ZERO = np.float32(0)


@kernel(LAYER, {"contract"})
def transformer_forward(row, parameters, gradient, workspace, batch, shared):
    """Fill the layer's result."""
    times, width, hidden = row[TIMES], row[INPUTS] // row[TIMES], row[HIDDEN]
    count, sizes = batch * times, (times, width, row[HEADS])
    source, result = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    into, out, wider, narrower, first_norm, second_norm = _learned(row, parameters)
    first, mixed, second, inner, weights = _saved(row, workspace, batch)
    normal, rows, context = mixed
    turned = _temporary(row, workspace, batch)
    spare = at(turned, _weights(row))

    normalise(source, count, width, first_norm, first, normal)
    linear_forward(normal, count, into, (3 * width, width), turned, rows, 0, shared)
    for i in range(batch):
        rows_, context_ = at(rows, 3 * i * row[INPUTS]), at(context, i * row[INPUTS])
        weights_ = at(weights, i * row[HEADS] * times * times)
        attend(rows_, sizes, weights_, context_, spare, shared)
    copy(source, result, count * width)
    spread(out[1], count, width, result, True)
    linear_forward(context, count, out[0], (width, width), turned, result, 1, shared)

    normal, steep = inner
    normalise(result, count, width, second_norm, second, normal)
    spread(wider[1], count, hidden, steep, False)
    linear_forward(normal, count, wider[0], (hidden, width), turned, steep, 1, shared)
    for i in range(count * hidden):
        steep[i] = ZERO if steep[i] < ZERO else steep[i]
    spread(narrower[1], count, width, result, True)
    linear_forward(steep, count, narrower[0], (width, hidden), turned, result, 1, shared)


@kernel(LAYER, {"contract"})
def transformer_backward(row, parameters, gradient, workspace, batch, shared):
    """All gradients; the result's is overwritten."""
    times, width, hidden = row[TIMES], row[INPUTS] // row[TIMES], row[HIDDEN]
    count, sizes = batch * times, (times, width, row[HEADS])
    error = at(workspace, row[RESULT_GRADIENT])
    into, out, wider, narrower, first_norm, second_norm = _learned(row, parameters)
    by_into, by_out, by_wider, by_narrower, by_first, by_second = _learned(row, gradient)
    first, mixed, second, inner, weights = _saved(row, workspace, batch)
    slopes = _temporary(row, workspace, batch)
    wide = at(slopes, count * width)
    spare = at(wide, count * max(hidden, 3 * width))

    normal, steep = inner
    linear_slopes(steep, error, count, (width, hidden), by_narrower[0], shared)
    sum_lines(error, count, width, by_narrower[1])
    linear_back(error, count, narrower[0], (width, hidden), wide, shared)
    for i in range(count * hidden):
        wide[i] = ZERO if steep[i] == ZERO else wide[i]
    linear_slopes(normal, wide, count, (hidden, width), by_wider[0], shared)
    sum_lines(wide, count, hidden, by_wider[1])
    linear_back(wide, count, wider[0], (hidden, width), slopes, shared)
    normalise_slopes(slopes, count, width, second, by_second)
    normalise_back(slopes, count, width, second_norm[0], second, error)

    normal, rows, context = mixed
    linear_slopes(context, error, count, (width, width), by_out[0], shared)
    sum_lines(error, count, width, by_out[1])
    linear_back(error, count, out[0], (width, width), slopes, shared)
    for i in range(batch):
        rows_, wide_ = at(rows, 3 * i * row[INPUTS]), at(wide, 3 * i * row[INPUTS])
        weights_ = at(weights, i * row[HEADS] * times * times)
        attend_back(rows_, at(slopes, i * row[INPUTS]), sizes, weights_, wide_, spare, shared)
    linear_slopes(normal, wide, count, (3 * width, width), by_into, shared)
    linear_back(wide, count, into, (3 * width, width), slopes, shared)
    normalise_slopes(slopes, count, width, first, by_first)
    if row[SOURCE_GRADIENT] >= 0:
        normalise_back(slopes, count, width, first_norm[0], first, error)
        copy(error, at(workspace, row[SOURCE_GRADIENT]), count * width)


@register_jitable
def _weights(row):
    """Entries of all weights."""
    width = row[INPUTS] // row[TIMES]
    return width * (4 * width + 2 * row[HIDDEN])


@register_jitable
def _learned(row, vector):
    """Weights of queries, keys and values; (weights, biases) of O, W and V; (gains, biases) of both
    norms.
    """
    width, hidden = row[INPUTS] // row[TIMES], row[HIDDEN]
    into = at(vector, row[WEIGHTS])
    out, out_biases = at(into, 3 * width * width), at(vector, row[BIASES])
    wider, wider_biases = at(out, width * width), at(out_biases, width)
    narrower, narrower_biases = at(wider, width * hidden), at(wider_biases, hidden)
    gains = at(narrower_biases, width)
    return (
        into,
        (out, out_biases),
        (wider, wider_biases),
        (narrower, narrower_biases),
        (gains, at(gains, width)),
        (at(gains, 2 * width), at(gains, 3 * width)),
    )


@register_jitable
def _saved(row, workspace, batch):
    """What the way back needs: of the first norm, of attention (normalised x, rows, result), of the
    second norm, of the feed-forward (normalised y, hidden values), and attention's weights.
    """
    width, count = row[INPUTS] // row[TIMES], batch * row[TIMES]
    first = at(workspace, row[SCRATCH])
    second = at(first, count * (width + 1))
    normal = at(second, count * (width + 1))
    rows = at(normal, count * width)
    context = at(rows, 3 * count * width)
    normal_again = at(context, count * width)
    steep = at(normal_again, count * width)
    weights = at(steep, count * row[HIDDEN])
    return first, (normal, rows, context), second, (normal_again, steep), weights


@register_jitable
def _temporary(row, workspace, batch):
    """What follows the saved."""
    _, _, _, _, weights = _saved(row, workspace, batch)
    return at(weights, batch * row[HEADS] * row[TIMES] * row[TIMES])
