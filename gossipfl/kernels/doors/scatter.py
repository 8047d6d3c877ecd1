"""Adding sparse vectors to dense ones.

All raise IndexError, having added the entries before it, at an index outside the target.
"""

from typing import Any

from gossipfl.kernels.doors import checked
from gossipfl.kernels.native import Kernel
from gossipfl.kernels.signatures import ADD_TWO, DISPLACE, MERGE, OUTSIDE, SCATTER_ADD

SCATTER_ADD_KERNEL = Kernel("scatter.scatter_add", SCATTER_ADD)
ADD_TWO_KERNEL = Kernel("scatter.add_two", ADD_TWO)
DISPLACE_KERNEL = Kernel("scatter.displace", DISPLACE)
MERGE_KERNEL = Kernel("scatter.merge", MERGE)


def scatter_add(target: Any, indices: Any, values: Any, weight: float) -> None:
    """target[i] += weight * value for each index, in order.

    target: float32[d].  indices: int32[m].  values: float32[m].  weight: rounded to float32.
    """
    _judge(SCATTER_ADD_KERNEL.call(target, indices, values, weight))


def add_two(
    target: Any,
    indices: Any,
    values: Any,
    weight: float,
    others: Any,
    other_values: Any,
    other_weight: float,
) -> None:
    """Two sparse vectors, one after the other."""
    _judge(ADD_TWO_KERNEL.call(target, indices, values, weight, others, other_values, other_weight))


def displace(
    target: Any,
    control: Any,
    gain: float,
    indices: Any,
    values: Any,
    weight: float,
    others: Any,
    other_values: Any,
    other_weight: float,
) -> None:
    """Two sparse vectors to `target`, and `gain` times as much of each to `control`."""
    first, second = (indices, values, weight), (others, other_values, other_weight)
    _judge(DISPLACE_KERNEL.call(target, control, gain, *first, *second))


def merge(
    model: Any,
    control: Any,
    gain: float,
    average: Any,
    share: float,
    anchor: Any,
    indices: Any,
    values: Any,
    weight: float,
    others: Any,
    other_values: Any,
    other_weight: float,
    others_first: bool,
) -> None:
    """One exchange of two halves, all of it.

    model += weight * (values - other_values), and `gain` times as much to `control`;
    anchor += weight * values + other_weight * other_values;  average += share * (anchor - average).
    """
    found = MERGE_KERNEL.call(
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
    )
    if found:
        _judge(found)


def _judge(found: int) -> None:
    if found == OUTSIDE:
        raise IndexError("the delta is longer than its target")
    checked(found, "scatter")
