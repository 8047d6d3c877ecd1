"""The gated recurrent unit in NumPy, for any float type.  Backward computes its states anew."""

import numpy as np

from gossipfl.kernels.activations_ref import logistic
from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import (
    BIASES,
    INPUTS,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    TIMES,
    WEIGHTS,
)


def views(row, vector):
    """W [3H, channels], U [3H, H], b [3H], c [3H]."""
    width, channels = row[OUTPUTS], row[INPUTS] // row[TIMES]
    second = row[WEIGHTS] + 3 * width * channels
    return (
        matrix(vector, row[WEIGHTS], 3 * width, channels),
        matrix(vector, second, 3 * width, width),
        vector[row[BIASES] : row[BIASES] + 3 * width],
        vector[row[BIASES] + 3 * width : row[BIASES] + 6 * width],
    )


def states(row, parameters, workspace, batch):
    """The inputs [batch, T, channels], states h(0..T), and (r, z, q, n) of every step."""
    w, u, b, c = views(row, parameters)
    x = matrix(workspace, row[SOURCE], batch, row[INPUTS]).reshape(batch, row[TIMES], -1)
    found, steps = [np.zeros((batch, row[OUTPUTS]), workspace.dtype)], []
    for t in range(row[TIMES]):
        (xr, xz, xn), (hr, hz, q) = (
            np.split(y, 3, axis=1) for y in (x[:, t] @ w.T + b, found[-1] @ u.T + c)
        )
        r, z = logistic(xr + hr), logistic(xz + hz)
        n = np.tanh(xn + r * q)
        steps.append((r, z, q, n))
        found.append(n + z * (found[-1] - n))
    return x, found, steps


def gru_forward(row, parameters, gradient, workspace, batch):
    """The last state."""
    _, found, _ = states(row, parameters, workspace, batch)
    matrix(workspace, row[RESULT], batch, row[OUTPUTS])[:] = found[-1]


def gru_backward(row, parameters, gradient, workspace, batch):
    """The chain rule through all time steps."""
    x, found, steps = states(row, parameters, workspace, batch)
    w, u, _, _ = views(row, parameters)
    targets = views(row, gradient)
    for target in targets:
        target[:] = 0
    error, dx = matrix(workspace, row[RESULT_GRADIENT], batch, row[OUTPUTS]), np.zeros_like(x)
    for t in reversed(range(row[TIMES])):
        r, z, q, n = steps[t]
        dn = error * (1 - z) * (1 - n * n)
        dz = error * (found[t] - n) * z * (1 - z)
        dr = dn * q * r * (1 - r)
        into_x, into_h = np.hstack([dr, dz, dn]), np.hstack([dr, dz, dn * r])
        parts = into_x.T @ x[:, t], into_h.T @ found[t], into_x.sum(0), into_h.sum(0)
        for target, part in zip(targets, parts, strict=True):
            target += part
        error = error * z + into_h @ u
        dx[:, t] = into_x @ w
    if row[SOURCE_GRADIENT] >= 0:
        matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])[:] = dx.reshape(batch, -1)
