"""Adding sparse vectors to dense ones, to the bit the same on every processor.

Both ends of a link keep the same anchor by applying the same deltas, so the product is rounded
before it is added: no fastmath, which would let LLVM contract the two into a fused multiply-add.

All return 0, or OUTSIDE, having added the entries before it, at an index outside the target, or
UNEQUAL where indices and values differ in number.
"""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.calls import kernel
from gossipfl.kernels.signatures import ADD_TWO, DISPLACE, OUTSIDE, SCATTER_ADD, UNEQUAL


@register_jitable
def _add(target, indices, values, weight):
    if indices.size != values.size:
        return UNEQUAL
    factor = np.float32(weight)
    for i in range(indices.size):
        if not 0 <= indices[i] < target.size:
            return OUTSIDE
        target[indices[i]] += factor * values[i]
    return 0


@register_jitable
def _add_both(target, indices, values, weight, others, other_values, other_weight):
    found = _add(target, indices, values, weight)
    return found if found else _add(target, others, other_values, other_weight)


@kernel(SCATTER_ADD)
def scatter_add(target, indices, values, weight):
    """target[i] += weight * value for each index, in order.

    target: float32[d].  indices: int32[m].  values: float32[m].  weight: rounded to float32.
    """
    return _add(target, indices, values, weight)


@kernel(ADD_TWO)
def add_two(target, indices, values, weight, others, other_values, other_weight):
    """Two sparse vectors, one after the other."""
    return _add_both(target, indices, values, weight, others, other_values, other_weight)


@kernel(DISPLACE)
def displace(target, control, gain, indices, values, weight, others, other_values, other_weight):
    """Two sparse vectors to `target`, and `gain` times as much of each to `control`."""
    found = _add_both(target, indices, values, weight, others, other_values, other_weight)
    if found or gain <= 0:
        return found
    first, second = weight * gain, other_weight * gain
    return _add_both(control, indices, values, first, others, other_values, second)
