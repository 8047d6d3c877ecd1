"""Both optimizers in NumPy, equal to the kernels to the bit."""

import numpy as np

from gossipfl.kernels.layout import LEARNING_RATE, MOMENTUM, WEIGHT_DECAY

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def sgd(settings, vectors, step):
    """v = momentum v + g;  x = (1 - rate decay) x - rate v + rate correction."""
    rate, momentum = np.float32(settings[LEARNING_RATE]), np.float32(settings[MOMENTUM])
    kept = np.float32(1.0 - settings[LEARNING_RATE] * settings[WEIGHT_DECAY])
    x, g, c, v, _ = vectors
    v[:] = momentum * v + g
    x[:] = kept * x - rate * v + rate * c


def adam(settings, vectors, step):
    """Adam with bias correction; `step` counts from 1."""
    rate = np.float32(settings[LEARNING_RATE])
    kept = np.float32(1.0 - settings[LEARNING_RATE] * settings[WEIGHT_DECAY])
    x, g, c, m, v = vectors
    m[:] = np.float32(BETA1) * m + np.float32(1.0 - BETA1) * g
    v[:] = np.float32(BETA2) * v + np.float32(1.0 - BETA2) * (g * g)
    first = np.float32(1.0 / (1.0 - BETA1**step)) * m
    second = np.float32(1.0 / (1.0 - BETA2**step)) * v
    x[:] = kept * x - rate * (first / (np.sqrt(second) + np.float32(EPSILON))) + rate * c
