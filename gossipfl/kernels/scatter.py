"""Adding sparse vectors to dense ones, to the bit the same on every processor.

Both ends of a link keep the same anchor by applying the same deltas, so the product is rounded
before it is added: no fastmath, which would let LLVM contract the two into a fused multiply-add.

All return 0, or OUTSIDE, having added the entries before it, at an index outside the target, or
UNEQUAL where indices and values differ in number.
"""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.calls import kernel
from gossipfl.kernels.signatures import ADD_TWO, DISPLACE, MERGE, OUTSIDE, SCATTER_ADD, UNEQUAL
from gossipfl.kernels.updates import move_towards


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
    first, second = (indices, values, weight), (others, other_values, other_weight)
    return _displace(target, control, gain, first, second)


@kernel(MERGE)
def merge(
    model,
    control,
    gain,
    average,
    share,
    anchor,
    indices,
    values,
    weight,
    others,
    other_values,
    other_weight,
    others_first,
):
    """One exchange of two halves, all of it.

    model += weight * (values - other_values), and `gain` times as much to `control`;
    anchor += weight * values + other_weight * other_values;  average += share * (anchor - average).
    """
    if not model.size == control.size == anchor.size:
        return UNEQUAL
    theirs, ours = (indices, values, weight), (others, other_values, other_weight)
    found = _displace(model, control, gain, theirs, (others, other_values, -weight))
    if found:
        return found
    first, second = (ours, theirs) if others_first else (theirs, ours)
    _add_both(anchor, *first, *second)
    return move_towards(average, anchor, share)


@register_jitable
def _displace(target, control, gain, first, second):
    found = _add_both(target, *first, *second)
    if found or gain <= 0:
        return found
    (indices, values, weight), (others, other_values, other_weight) = first, second
    weight, other_weight = weight * gain, other_weight * gain
    return _add_both(control, indices, values, weight, others, other_values, other_weight)
