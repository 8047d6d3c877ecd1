"""One block of a transformer's encoder in NumPy, for any float type.  Backward computes its values
anew.
"""

import numpy as np

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import (
    BIASES,
    HEADS,
    HIDDEN,
    INPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    TIMES,
    WEIGHTS,
)
from gossipfl.kernels.normalisation_ref import EPSILON


def views(row, vector):
    """Weights of queries, keys and values; (weights, biases) of O, W and V; (gain, bias) of both
    norms.
    """
    width, hidden = row[INPUTS] // row[TIMES], row[HIDDEN]
    shapes = ((width, width), (hidden, width), (width, hidden))
    into = matrix(vector, row[WEIGHTS], 3 * width, width)
    found, weight, bias = [], row[WEIGHTS] + into.size, row[BIASES]
    for outputs, inputs in shapes:
        found.append((matrix(vector, weight, outputs, inputs), vector[bias : bias + outputs]))
        weight, bias = weight + outputs * inputs, bias + outputs
    norms = matrix(vector, bias, 4, width)
    return into, *found, norms[:2], norms[2:]


def windows(row, workspace, column, batch):
    """The [batch, times, width] at a slot."""
    return matrix(workspace, row[column], batch, row[INPUTS]).reshape(batch, row[TIMES], -1)


def normalise(x, norm):
    """(normalised x, 1 / deviation, the result)."""
    factor = 1 / np.sqrt(x.var(-1, keepdims=True) + EPSILON)
    normal = (x - x.mean(-1, keepdims=True)) * factor
    return normal, factor, normal * norm[0] + norm[1]


def normalise_back(error, norm, found, by_norm):
    """The source's gradient from what was `found`; those of gain and bias go to `by_norm`."""
    normal, factor, _ = found
    by_norm[0], by_norm[1] = (error * normal).sum((0, 1)), error.sum((0, 1))
    inner = error * norm[0]
    along = (inner * normal).mean(-1, keepdims=True)
    return factor * (inner - inner.mean(-1, keepdims=True) - along * normal)


def slopes_of(error, source):
    """The gradient of a linear map's weights."""
    return np.einsum("bto,bti->oi", error, source)


def linear_back(error, source, learned, slopes):
    """The source's gradient; those of weights and biases go to `slopes`."""
    slopes[0][:], slopes[1][:] = slopes_of(error, source), error.sum((0, 1))
    return error @ learned[0]


def heads(row, rows):
    """Queries, keys and values [batch, heads, times, entries]."""
    batch, times = rows.shape[:2]
    return rows.reshape(batch, times, 3, row[HEADS], -1).transpose(2, 0, 3, 1, 4)


def attend(row, rows):
    """(weights [batch, heads, times, times], result [batch, times, width])."""
    query, key, value = heads(row, rows)
    scores = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return weights, (weights @ value).swapaxes(1, 2).reshape(*rows.shape[:2], -1)


def attend_back(row, rows, weights, error):
    """The rows' gradient."""
    query, key, value = heads(row, rows)
    scale = 1 / np.sqrt(query.shape[-1])
    error = error.reshape(*rows.shape[:2], row[HEADS], -1).swapaxes(1, 2)
    change = error @ value.swapaxes(-1, -2)
    change = weights * (change - (weights * change).sum(-1, keepdims=True)) * scale
    by_value = weights.swapaxes(-1, -2) @ error
    slopes = np.stack([change @ key, change.swapaxes(-1, -2) @ query, by_value])
    return slopes.transpose(1, 3, 0, 2, 4).reshape(rows.shape)


def values(row, parameters, workspace, batch):
    """Everything on the way forward, the result last."""
    x = windows(row, workspace, SOURCE, batch)
    into, out, wider, narrower, first, second = views(row, parameters)
    first = normalise(x, first)
    rows = first[-1] @ into.T
    weights, mixed = attend(row, rows)
    y = x + mixed @ out[0].T + out[1]
    second = normalise(y, second)
    steep = np.maximum(second[-1] @ wider[0].T + wider[1], 0)
    return first, rows, weights, mixed, second, steep, y + steep @ narrower[0].T + narrower[1]


def transformer_forward(row, parameters, gradient, workspace, batch):
    """The result."""
    *_, result = values(row, parameters, workspace, batch)
    windows(row, workspace, RESULT, batch)[:] = result


def transformer_backward(row, parameters, gradient, workspace, batch):
    """The chain rule through `transformer_forward`."""
    first, rows, weights, mixed, second, steep, _ = values(row, parameters, workspace, batch)
    into, out, wider, narrower, first_norm, second_norm = views(row, parameters)
    by_into, by_out, by_wider, by_narrower, by_first, by_second = views(row, gradient)
    error = windows(row, workspace, RESULT_GRADIENT, batch)
    slope = linear_back(error, steep, narrower, by_narrower) * (steep != 0)
    slope = linear_back(slope, second[-1], wider, by_wider)
    error = error + normalise_back(slope, second_norm, second, by_second)
    slope = linear_back(error, mixed, out, by_out)
    slope = attend_back(row, rows, weights, slope)
    by_into[:] = slopes_of(slope, first[-1])
    error = error + normalise_back(slope @ into, first_norm, first, by_first)
    if row[SOURCE_GRADIENT] >= 0:
        windows(row, workspace, SOURCE_GRADIENT, batch)[:] = error
