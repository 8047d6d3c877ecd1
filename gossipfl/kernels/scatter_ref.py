"""NumPy twin of scatter.py: equal to the bit."""

import numpy as np


def scatter_add(target, indices, values, weight):
    """target[i] += weight * value for each index; these are unique, as a Delta guarantees.

    target: float32[d].  indices: int32[m].  values: float32[m].  Raises IndexError, having changed
    nothing, at an index outside the target.
    """
    if indices.size and not (indices.min() >= 0 and indices.max() < target.size):
        raise IndexError("the delta is longer than its target")
    target[indices] += np.float32(weight) * values
