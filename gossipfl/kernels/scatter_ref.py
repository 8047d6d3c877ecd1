"""NumPy twin of scatter.py: equal to the bit."""

import numpy as np

from gossipfl.kernels.updates_ref import approach


def scatter_add(target, indices, values, weight):
    """target[i] += weight * value for each index; these are unique, as a Delta guarantees.

    target: float32[d].  indices: int32[m].  values: float32[m].  Raises IndexError, having changed
    nothing, at an index outside the target.
    """
    if indices.size and not (indices.min() >= 0 and indices.max() < target.size):
        raise IndexError("the delta is longer than its target")
    target[indices] += np.float32(weight) * values


def add_two(target, indices, values, weight, others, other_values, other_weight):
    """Two sparse vectors, one after the other."""
    scatter_add(target, indices, values, weight)
    scatter_add(target, others, other_values, other_weight)


def displace(target, control, gain, indices, values, weight, others, other_values, other_weight):
    """Two sparse vectors to `target`, and `gain` times as much of each to `control`."""
    add_two(target, indices, values, weight, others, other_values, other_weight)
    if gain > 0:
        first, second = weight * gain, other_weight * gain
        add_two(control, indices, values, first, others, other_values, second)


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
    displace(model, control, gain, indices, values, weight, others, other_values, -weight)
    theirs, ours = (indices, values, weight), (others, other_values, other_weight)
    first, second = (ours, theirs) if others_first else (theirs, ours)
    add_two(anchor, *first, *second)
    approach(average, anchor, share)
