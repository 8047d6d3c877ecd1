"""Adding sparse vectors to dense ones.

All raise IndexError, having added the entries before it, at an index outside the target.
"""

from typing import Any

from gossipfl.kernels.doors import checked
from gossipfl.kernels.native import Kernel
from gossipfl.kernels.signatures import ADD_TWO, DISPLACE, OUTSIDE, SCATTER_ADD

SCATTER_ADD_KERNEL = Kernel("scatter.scatter_add", SCATTER_ADD)
ADD_TWO_KERNEL = Kernel("scatter.add_two", ADD_TWO)
DISPLACE_KERNEL = Kernel("scatter.displace", DISPLACE)


def scatter_add(target: Any, indices: Any, values: Any, weight: float) -> None:
    """target[i] += weight * value for each index, in order.

    target: float32[d].  indices: int32[m].  values: float32[m].  weight: rounded to float32.
    """
    _judge(SCATTER_ADD_KERNEL.call(id(target), id(indices), id(values), weight))


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
    first = id(indices), id(values), weight
    _judge(ADD_TWO_KERNEL.call(id(target), *first, id(others), id(other_values), other_weight))


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
    first = id(indices), id(values), weight
    second = id(others), id(other_values), other_weight
    _judge(DISPLACE_KERNEL.call(id(target), id(control), gain, *first, *second))


def _judge(found: int) -> None:
    if found == OUTSIDE:
        raise IndexError("the delta is longer than its target")
    checked(found, "scatter")
