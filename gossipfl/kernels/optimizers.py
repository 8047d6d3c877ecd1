"""Optimizers: one pass over the parameters each, in place, in vectors f32[VECTORS, size].

The correction (a control variate) is added outside: it enters neither momentum nor second moment.
Weight decay is decoupled from the gradient too (Loshchilov and Hutter 2019, arXiv:1711.05101).
No fastmath: results equal the reference twins to the bit.
"""

import math

import numpy as np

from gossipfl.kernels.calls import OPTIMIZER, at, kernel
from gossipfl.kernels.layout import (
    CORRECTION,
    FIRST_MOMENT,
    GRADIENT,
    LEARNING_RATE,
    MOMENTUM,
    PARAMETERS,
    SECOND_MOMENT,
    WEIGHT_DECAY,
)

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@kernel(OPTIMIZER)
def sgd(settings, vectors, size, step):
    """v = momentum v + g;  x = (1 - rate decay) x - rate v + rate correction."""
    rate, momentum = np.float32(settings[LEARNING_RATE]), np.float32(settings[MOMENTUM])
    kept = np.float32(1.0 - settings[LEARNING_RATE] * settings[WEIGHT_DECAY])
    x, g = at(vectors, PARAMETERS * size), at(vectors, GRADIENT * size)
    c, v = at(vectors, CORRECTION * size), at(vectors, FIRST_MOMENT * size)
    for i in range(size):
        v[i] = momentum * v[i] + g[i]
        x[i] = kept * x[i] - rate * v[i] + rate * c[i]


@kernel(OPTIMIZER)
def adam(settings, vectors, size, step):
    """Adam with bias correction (Kingma and Ba 2015, arXiv:1412.6980); `step` counts from 1."""
    rate = np.float32(settings[LEARNING_RATE])
    kept = np.float32(1.0 - settings[LEARNING_RATE] * settings[WEIGHT_DECAY])
    keep1, add1 = np.float32(BETA1), np.float32(1.0 - BETA1)
    keep2, add2 = np.float32(BETA2), np.float32(1.0 - BETA2)
    first = np.float32(1.0 / (1.0 - BETA1**step))
    second = np.float32(1.0 / (1.0 - BETA2**step))
    x, g = at(vectors, PARAMETERS * size), at(vectors, GRADIENT * size)
    c = at(vectors, CORRECTION * size)
    m, v = at(vectors, FIRST_MOMENT * size), at(vectors, SECOND_MOMENT * size)
    for i in range(size):
        m[i] = keep1 * m[i] + add1 * g[i]
        v[i] = keep2 * v[i] + add2 * (g[i] * g[i])
        scaled = (first * m[i]) / (np.float32(math.sqrt(second * v[i])) + np.float32(EPSILON))
        x[i] = kept * x[i] - rate * scaled + rate * c[i]
