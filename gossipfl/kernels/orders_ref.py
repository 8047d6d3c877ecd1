"""NumPy twin of orders.py: equal to the bit."""

import numpy as np

u8 = np.uint64
GAMMA, FIRST, SECOND = u8(0x9E3779B97F4A7C15), u8(0xBF58476D1CE4E5B9), u8(0x94D049BB133111EB)
LOWER = u8(2**32 - 1)


def mixed(numbers):
    """SplitMix64 of every number."""
    z = (numbers + GAMMA) * GAMMA
    z = (z ^ (z >> u8(30))) * FIRST
    z = (z ^ (z >> u8(27))) * SECOND
    return z ^ (z >> u8(31))


def draw_orders(seed, first, keys, starts, out):
    """The same by sorting; the scratch is not needed."""
    epochs = np.arange(first, first + len(out), dtype=u8)[:, np.newaxis]
    rows = np.arange(out.shape[1], dtype=u8)
    numbers = mixed(rows + (mixed(epochs) ^ u8(seed)))
    out[:] = np.sort(numbers & ~LOWER | rows, axis=1) & LOWER
