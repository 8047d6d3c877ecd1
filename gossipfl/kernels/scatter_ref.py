"""Reference twin of scatter.py: the definition, not the speed."""

import numpy as np


def scatter_add(target, indices, values, weight):
    """For unique indices, which a Delta guarantees."""
    if indices.size and not (indices.min() >= 0 and indices.max() < target.size):
        raise IndexError("the delta is longer than its target")
    target[indices] += np.float32(weight) * values
