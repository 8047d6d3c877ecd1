"""FastGRNN in NumPy, for any float type.  Backward computes its states anew."""

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
    """W [H, channels], U [H, H], both biases [2, H], (zeta, nu)."""
    width, channels = row[OUTPUTS], row[INPUTS] // row[TIMES]
    last = row[BIASES] + 2 * width
    return (
        matrix(vector, row[WEIGHTS], width, channels),
        matrix(vector, row[WEIGHTS] + width * channels, width, width),
        matrix(vector, row[BIASES], 2, width),
        vector[last : last + 2],
    )


def states(row, parameters, workspace, batch):
    """The inputs [batch, T, channels], states h(0..T), and (z, c) of every step."""
    w, u, (b, d), scalars = views(row, parameters)
    zeta, nu = logistic(scalars)
    x = matrix(workspace, row[SOURCE], batch, row[INPUTS]).reshape(batch, row[TIMES], -1)
    found, steps = [np.zeros((batch, row[OUTPUTS]), workspace.dtype)], []
    for t in range(row[TIMES]):
        both = x[:, t] @ w.T + found[-1] @ u.T
        z, c = logistic(both + b), np.tanh(both + d)
        steps.append((z, c))
        found.append((zeta * (1 - z) + nu) * c + z * found[-1])
    return x, found, steps


def fastgrnn_forward(row, parameters, gradient, workspace, batch):
    """The last state."""
    _, found, _ = states(row, parameters, workspace, batch)
    matrix(workspace, row[RESULT], batch, row[OUTPUTS])[:] = found[-1]


def fastgrnn_backward(row, parameters, gradient, workspace, batch):
    """The chain rule through all time steps."""
    x, found, steps = states(row, parameters, workspace, batch)
    w, u, _, scalars = views(row, parameters)
    targets, (zeta, nu) = views(row, gradient), logistic(scalars)
    for target in targets:
        target[:] = 0
    error, dx = matrix(workspace, row[RESULT_GRADIENT], batch, row[OUTPUTS]), np.zeros_like(x)
    for t in reversed(range(row[TIMES])):
        z, c = steps[t]
        targets[3][0] += (error * (1 - z) * c).sum() * zeta * (1 - zeta)
        targets[3][1] += (error * c).sum() * nu * (1 - nu)
        dz = error * (found[t] - zeta * c) * z * (1 - z)
        dc = error * (zeta * (1 - z) + nu) * (1 - c * c)
        parts = (dz + dc).T @ x[:, t], (dz + dc).T @ found[t], [dz.sum(0), dc.sum(0)]
        for target, part in zip(targets, parts, strict=False):
            target += part
        error = error * z + (dz + dc) @ u
        dx[:, t] = (dz + dc) @ w
    if row[SOURCE_GRADIENT] >= 0:
        matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])[:] = dx.reshape(batch, -1)
