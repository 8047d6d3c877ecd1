"""Optimizers: one pass over the parameters each, in place, in vectors f32[VECTORS, size].

The correction (a control variate) is added outside: it enters neither momentum nor second moment.
Weight decay enters the gradient (DECAY), or stays out of it (KEPT), as the settings say.
No fastmath: results equal the reference twins to the bit.
"""

import math

import numpy as np

from gossipfl.kernels.calls import at, kernel
from gossipfl.kernels.layout import (
    BETA1,
    BETA2,
    CORRECTION,
    DECAY,
    EPSILON,
    FIRST_MOMENT,
    FIRST_SCALE,
    GRADIENT,
    KEPT,
    LEARNING_RATE,
    MOMENTUM,
    PARAMETERS,
    SECOND_MOMENT,
    SECOND_SCALE,
)
from gossipfl.kernels.signatures import OPTIMIZER


@kernel(OPTIMIZER)
def sgd(settings, vectors, size):
    """v = momentum v + g;  x -= rate v."""
    rate, momentum = np.float32(settings[LEARNING_RATE]), np.float32(settings[MOMENTUM])
    decay = np.float32(settings[DECAY])
    x, g = at(vectors, PARAMETERS * size), at(vectors, GRADIENT * size)
    c, v = at(vectors, CORRECTION * size), at(vectors, FIRST_MOMENT * size)
    for i in range(size):
        v[i] = momentum * v[i] + (g[i] + decay * x[i])
        x[i] = x[i] - rate * v[i] + rate * c[i]


@kernel(OPTIMIZER)
def nesterov(settings, vectors, size):
    """v = momentum v + g;  x -= rate (g + momentum v): Sutskever et al. 2013 as PyTorch has it."""
    rate, momentum = np.float32(settings[LEARNING_RATE]), np.float32(settings[MOMENTUM])
    decay = np.float32(settings[DECAY])
    x, g = at(vectors, PARAMETERS * size), at(vectors, GRADIENT * size)
    c, v = at(vectors, CORRECTION * size), at(vectors, FIRST_MOMENT * size)
    for i in range(size):
        slope = g[i] + decay * x[i]
        v[i] = momentum * v[i] + slope
        x[i] = x[i] - rate * (slope + momentum * v[i]) + rate * c[i]


@kernel(OPTIMIZER)
def adam(settings, vectors, size):
    """Adam (Kingma and Ba 2015, arXiv:1412.6980), or AdamW (Loshchilov and Hutter 2019,
    arXiv:1711.05101) where the decay is in KEPT.
    """
    rate, kept = np.float32(settings[LEARNING_RATE]), np.float32(settings[KEPT])
    decay = np.float32(settings[DECAY])
    keep1, add1 = np.float32(BETA1), np.float32(1.0 - BETA1)
    keep2, add2 = np.float32(BETA2), np.float32(1.0 - BETA2)
    first, second = np.float32(settings[FIRST_SCALE]), np.float32(settings[SECOND_SCALE])
    x, g = at(vectors, PARAMETERS * size), at(vectors, GRADIENT * size)
    c = at(vectors, CORRECTION * size)
    m, v = at(vectors, FIRST_MOMENT * size), at(vectors, SECOND_MOMENT * size)
    for i in range(size):
        slope = g[i] + decay * x[i]
        m[i] = keep1 * m[i] + add1 * slope
        v[i] = keep2 * v[i] + add2 * (slope * slope)
        scaled = (first * m[i]) / (np.float32(math.sqrt(second * v[i])) + np.float32(EPSILON))
        x[i] = kept * x[i] - rate * scaled + rate * c[i]
