"""Adding sparse vectors to dense ones, to the bit the same on every processor.

Both ends of a link keep the same anchor by applying the same deltas, so the product is rounded
before it is added: no fastmath, which would let LLVM contract the two into a fused multiply-add.
"""

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def scatter_add(target, indices, values, weight):
    """target[i] += weight * value for each index, in order.

    target: float32[d].  indices: int32[m].  values: float32[m].  weight: rounded to float32.
    Raises IndexError, having added the entries before it, at an index outside the target.
    """
    factor = np.float32(weight)
    for i in range(indices.size):
        if not 0 <= indices[i] < target.size:
            raise IndexError("the delta is longer than its target")
        target[indices[i]] += factor * values[i]


@numba.njit(nogil=True, cache=True)
def add_two(target, indices, values, weight, others, other_values, other_weight):
    """Two sparse vectors, one after the other."""
    scatter_add(target, indices, values, weight)
    scatter_add(target, others, other_values, other_weight)


@numba.njit(nogil=True, cache=True)
def displace(target, control, gain, indices, values, weight, others, other_values, other_weight):
    """Two sparse vectors to `target`, and `gain` times as much of each to `control`."""
    add_two(target, indices, values, weight, others, other_values, other_weight)
    if gain > 0:
        first, second = weight * gain, other_weight * gain
        add_two(control, indices, values, first, others, other_values, second)
