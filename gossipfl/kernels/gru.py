"""The gated recurrent unit (Cho et al. 2014, arXiv:1406.1078) as cuDNN and PyTorch define it.

    r, z = logistic(W x + b + U h + c)       reset and update, each with weights of its own
    n = tanh(W x + b + r (U h + c))          new
    h' = n + z (h - n)

Scratch holds, in [batch, H] blocks: states h(0..T); for every time step r, z, q = U h + c and n;
biases and later the gradients' sums; the gradients of one time step; then weights transposed.
"""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.arrays import add, clear, copy, repeat, scale, sum_rows, transpose
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
def gru_forward(row, parameters, gradient, workspace, batch, shared):
    """Fill the result with the last state."""
    times, width = row[TIMES], row[OUTPUTS]
    channels, size = row[INPUTS] // times, batch * width
    source, scratch = at(workspace, row[SOURCE]), at(workspace, row[SCRATCH])
    gates, biases = at(scratch, (times + 1) * size), at(scratch, (5 * times + 1) * size)
    turned = at(biases, 8 * size)
    turned_states = at(turned, 3 * width * channels)
    weights, offsets = at(parameters, row[WEIGHTS]), at(parameters, row[BIASES])
    for gate in range(3):
        start = gate * width * channels
        transpose(at(weights, start), width, channels, at(turned, start))
        start, first = gate * width * width, 3 * width * channels
        transpose(at(weights, first + start), width, width, at(turned_states, start))
    _spread_biases(offsets, width, batch, biases)
    clear(scratch, size)
    for t in range(times):
        state, following = at(scratch, t * size), at(scratch, (t + 1) * size)
        step = at(gates, 4 * t * size)
        x, h = (at(source, t * channels), times * channels, 1), (state, width, 1)
        for gate in range(3):
            # Reset and update sum both products; new keeps them apart, the state's in q.
            target = at(step, (3 if gate == 2 else gate) * size)
            w = (at(turned, gate * width * channels), width)
            u = (at(turned_states, gate * width * width), width)
            sizes = (batch, width, channels)
            call_product(shared[MULTIPLY], (x, w, (target, width), sizes, 0))
            into = (at(step, gate * size), width)
            call_product(shared[MULTIPLY], (h, u, into, (batch, width, width), gate != 2))
        _open_gates(step, biases, state, size, following)
    copy(at(scratch, times * size), at(workspace, row[RESULT]), size)


@register_jitable
def _spread_biases(offsets, width, batch, out):
    """Blocks for r, z, q and n: those of r and z add both of their biases."""
    size, second = batch * width, at(offsets, 3 * width)
    repeat(offsets, second, width, batch, out)
    repeat(at(offsets, width), at(second, width), width, batch, at(out, size))
    for i in range(batch):
        copy(at(second, 2 * width), at(out, 2 * size + i * width), width)
        copy(at(offsets, 2 * width), at(out, 3 * size + i * width), width)


@register_jitable
def _open_gates(step, biases, state, size, following):
    """From the products to r, z, q, n and the next state."""
    for i in range(2 * size):
        step[i] = logistic(step[i] + biases[i])
    r, z, q, n = step, at(step, size), at(step, 2 * size), at(step, 3 * size)
    add(at(biases, 2 * size), q, 2 * size)  # q and n
    for i in range(size):
        n[i] = tanh(n[i] + r[i] * q[i])
    for i in range(size):
        following[i] = n[i] + z[i] * (state[i] - n[i])


@kernel(LAYER, CONTRACT)
def gru_backward(row, parameters, gradient, workspace, batch, shared):
    """Back through time; the result's gradient is overwritten."""
    times, width = row[TIMES], row[OUTPUTS]
    channels, size = row[INPUTS] // times, batch * width
    scratch, error = at(workspace, row[SCRATCH]), at(workspace, row[RESULT_GRADIENT])
    gates, sums = at(scratch, (times + 1) * size), at(scratch, (5 * times + 1) * size)
    deltas = at(sums, 4 * size)
    targets, states = at(gradient, row[WEIGHTS]), 3 * width * channels
    weights = at(parameters, row[WEIGHTS])
    clear(targets, 3 * width * (channels + width))
    clear(sums, 4 * size)
    for t in range(times - 1, -1, -1):
        state = at(scratch, t * size)
        _close_gates(at(gates, 4 * t * size), state, error, size, deltas)
        add(deltas, sums, 4 * size)
        x = (at(workspace, row[SOURCE] + t * channels), times * channels)
        for gate in range(3):
            through_x = at(deltas, (3 if gate == 2 else gate) * size)
            through_h = at(deltas, gate * size)
            out = (at(targets, gate * width * channels), channels)
            sizes = (width, channels, batch)
            call_product(shared[MULTIPLY], ((through_x, 1, width), x, out, sizes, 1))
            out = (at(targets, states + gate * width * width), width)
            turned, h = (through_h, 1, width), (state, width)
            call_product(shared[MULTIPLY], (turned, h, out, (width, width, batch), 1))
            u = (at(weights, states + gate * width * width), width)
            delta, sizes = (through_h, width, 1), (batch, width, width)
            call_product(shared[MULTIPLY], (delta, u, (error, width), sizes, 1))
            if row[SOURCE_GRADIENT] >= 0:
                w = (at(weights, gate * width * channels), channels)
                start = row[SOURCE_GRADIENT] + t * channels
                out, sizes = (at(workspace, start), times * channels), (batch, channels, width)
                call_product(shared[MULTIPLY], ((through_x, width, 1), w, out, sizes, gate != 0))
    _sum_biases(sums, width, batch, at(gradient, row[BIASES]))


@register_jitable
def _close_gates(step, state, error, size, deltas):
    """deltas = gradients of what went into r, z, q and n; error becomes z error."""
    r, z, q, n = step, at(step, size), at(step, 2 * size), at(step, 3 * size)
    dr, dz, dq, dn = deltas, at(deltas, size), at(deltas, 2 * size), at(deltas, 3 * size)
    for i in range(size):
        dn[i] = error[i] * (ONE - z[i]) * (ONE - n[i] * n[i])
    for i in range(size):
        dz[i] = error[i] * (state[i] - n[i]) * (z[i] * (ONE - z[i]))
    for i in range(size):
        dr[i] = dn[i] * q[i] * (r[i] * (ONE - r[i]))
    for i in range(size):
        dq[i] = dn[i] * r[i]
    scale(z, error, size)


@register_jitable
def _sum_biases(sums, width, batch, out):
    """Both biases of r and z have the same gradient; those of n are n's and q's."""
    size, second = batch * width, at(out, 3 * width)
    for gate in range(2):
        sum_rows(at(sums, gate * size), batch, width, at(out, gate * width))
    copy(out, second, 2 * width)
    sum_rows(at(sums, 3 * size), batch, width, at(out, 2 * width))
    sum_rows(at(sums, 2 * size), batch, width, at(second, 2 * width))
