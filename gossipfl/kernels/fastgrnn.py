"""FastGRNN (Kusupati et al. 2018, arXiv:1901.02358): one pair of matrices for gate and candidate.

    z = logistic(W x + U h + b),  c = tanh(W x + U h + d)
    h' = (logistic(zeta) (1 - z) + logistic(nu)) c + z h

Scratch holds, in [batch, H] blocks: states h(0..T); z and c for every time step; biases and later
the gradients' sums, for z, c, zeta and nu; the gradients of one time step and their sum; then
weights transposed.
"""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.arrays import add, clear, copy, scale, sum_rows, transpose
from gossipfl.kernels.calls import at, call_product, kernel
from gossipfl.kernels.elementary import logistic, tanh
from gossipfl.kernels.layout import (
    BIASES,
    INPUTS,
    MULTIPLY,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SCRATCH,
    SOURCE,
    SOURCE_GRADIENT,
    TIMES,
    WEIGHTS,
)
from gossipfl.kernels.signatures import LAYER

ONE = np.float32(1)
CONTRACT = {"contract"}


@kernel(LAYER, CONTRACT)
def fastgrnn_forward(row, parameters, gradient, workspace, batch, shared):
    """Fill the result with the last state."""
    times, width = row[TIMES], row[OUTPUTS]
    channels, size = row[INPUTS] // times, batch * width
    source, scratch = at(workspace, row[SOURCE]), at(workspace, row[SCRATCH])
    gates, biases = at(scratch, (times + 1) * size), at(scratch, (3 * times + 1) * size)
    turned = at(biases, 7 * size)
    turned_states = at(turned, width * channels)
    weights, offsets = at(parameters, row[WEIGHTS]), at(parameters, row[BIASES])
    transpose(weights, width, channels, turned)
    transpose(at(weights, width * channels), width, width, turned_states)
    for i in range(batch):
        copy(offsets, at(biases, i * width), width)
        copy(at(offsets, width), at(biases, size + i * width), width)
    zeta, nu = logistic(offsets[2 * width]), logistic(offsets[2 * width + 1])
    clear(scratch, size)
    for t in range(times):
        state, following = at(scratch, t * size), at(scratch, (t + 1) * size)
        z, c = at(gates, 2 * t * size), at(gates, (2 * t + 1) * size)
        x, out = (at(source, t * channels), times * channels, 1), (c, width)
        sizes = (batch, width, channels)
        call_product(shared[MULTIPLY], (x, (turned, width), out, sizes, 0))
        h, sizes = (state, width, 1), (batch, width, width)
        call_product(shared[MULTIPLY], (h, (turned_states, width), out, sizes, 1))
        for i in range(size):
            z[i] = logistic(c[i] + biases[i])
        for i in range(size):
            c[i] = tanh(c[i] + biases[size + i])
        for i in range(size):
            following[i] = (zeta * (ONE - z[i]) + nu) * c[i] + z[i] * state[i]
    copy(at(scratch, times * size), at(workspace, row[RESULT]), size)


@kernel(LAYER, CONTRACT)
def fastgrnn_backward(row, parameters, gradient, workspace, batch, shared):
    """Back through time; the result's gradient is overwritten."""
    times, width = row[TIMES], row[OUTPUTS]
    channels, size = row[INPUTS] // times, batch * width
    scratch, error = at(workspace, row[SCRATCH]), at(workspace, row[RESULT_GRADIENT])
    gates, sums = at(scratch, (times + 1) * size), at(scratch, (3 * times + 1) * size)
    deltas, both = at(sums, 4 * size), at(sums, 6 * size)
    weights, targets = at(parameters, row[WEIGHTS]), at(gradient, row[WEIGHTS])
    states, scalars = width * channels, at(parameters, row[BIASES] + 2 * width)
    zeta, nu = logistic(scalars[0]), logistic(scalars[1])
    clear(targets, width * (channels + width))
    clear(sums, 4 * size)
    for t in range(times - 1, -1, -1):
        state, z, c = at(scratch, t * size), at(gates, 2 * t * size), at(gates, (2 * t + 1) * size)
        _add_scalars(z, c, error, size, at(sums, 2 * size))
        _close_gate(z, c, state, error, size, (zeta, nu, deltas))
        add(deltas, sums, 2 * size)
        for i in range(size):
            both[i] = deltas[i] + deltas[size + i]
        x = (at(workspace, row[SOURCE] + t * channels), times * channels)
        turned, delta = (both, 1, width), (both, width, 1)
        sizes = (width, channels, batch)
        call_product(shared[MULTIPLY], (turned, x, (targets, channels), sizes, 1))
        out, sizes = (at(targets, states), width), (width, width, batch)
        call_product(shared[MULTIPLY], (turned, (state, width), out, sizes, 1))
        u, sizes = (at(weights, states), width), (batch, width, width)
        call_product(shared[MULTIPLY], (delta, u, (error, width), sizes, 1))
        if row[SOURCE_GRADIENT] >= 0:
            start, sizes = row[SOURCE_GRADIENT] + t * channels, (batch, channels, width)
            out = (at(workspace, start), times * channels)
            call_product(shared[MULTIPLY], (delta, (weights, channels), out, sizes, 0))
    biases = at(gradient, row[BIASES])
    sum_rows(sums, batch, width, biases)
    sum_rows(at(sums, size), batch, width, at(biases, width))
    sum_rows(at(sums, 2 * size), size, 1, at(biases, 2 * width))
    sum_rows(at(sums, 3 * size), size, 1, at(biases, 2 * width + 1))
    biases[2 * width] *= zeta * (ONE - zeta)
    biases[2 * width + 1] *= nu * (ONE - nu)


@register_jitable
def _add_scalars(z, c, error, size, out):
    """out[2, size] += the gradients of logistic(zeta) and logistic(nu), summed only at the end."""
    for i in range(size):
        out[i] += error[i] * (ONE - z[i]) * c[i]
    by_nu = at(out, size)
    for i in range(size):
        by_nu[i] += error[i] * c[i]


@register_jitable
def _close_gate(z, c, state, error, size, rest):
    """deltas = gradients of what went into z and c; error becomes z error."""
    zeta, nu, deltas = rest
    dz, dc = deltas, at(deltas, size)
    for i in range(size):
        dz[i] = error[i] * (state[i] - zeta * c[i]) * (z[i] * (ONE - z[i]))
    for i in range(size):
        dc[i] = error[i] * (zeta * (ONE - z[i]) + nu) * (ONE - c[i] * c[i])
    scale(z, error, size)
