"""All optimizers in NumPy, equal to the kernels to the bit."""

import numpy as np

from gossipfl.kernels.layout import (
    BETA1,
    BETA2,
    DECAY,
    EPSILON,
    FIRST_SCALE,
    KEPT,
    LEARNING_RATE,
    MOMENTUM,
    SECOND_SCALE,
)


def sgd(settings, vectors):
    """v = momentum v + g;  x -= rate v."""
    numbers = settings.astype(np.float32)
    rate = numbers[LEARNING_RATE]
    x, g, c, v, _, _ = vectors
    v[:] = numbers[MOMENTUM] * v + (g + numbers[DECAY] * x)
    x[:] = x - rate * v + rate * c


def nesterov(settings, vectors):
    """v = momentum v + g;  x -= rate (g + momentum v)."""
    numbers = settings.astype(np.float32)
    rate, momentum = numbers[[LEARNING_RATE, MOMENTUM]]
    x, g, c, v, _, _ = vectors
    slope = g + numbers[DECAY] * x
    v[:] = momentum * v + slope
    x[:] = x - rate * (slope + momentum * v) + rate * c


def adam(settings, vectors):
    """Adam, or AdamW where the decay is in KEPT."""
    numbers = settings.astype(np.float32)
    rate, kept = numbers[[LEARNING_RATE, KEPT]]
    x, g, c, m, v, _ = vectors
    slope = g + numbers[DECAY] * x
    m[:] = np.float32(BETA1) * m + np.float32(1.0 - BETA1) * slope
    v[:] = np.float32(BETA2) * v + np.float32(1.0 - BETA2) * (slope * slope)
    first, second = numbers[FIRST_SCALE] * m, numbers[SECOND_SCALE] * v
    x[:] = kept * x - rate * (first / (np.sqrt(second) + np.float32(EPSILON))) + rate * c
