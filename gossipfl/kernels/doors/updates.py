"""Whole vectors of a node, updated in one pass each."""

from typing import Any

from gossipfl.kernels.doors import checked, complaint
from gossipfl.kernels.native import Kernel
from gossipfl.kernels.signatures import ADVANCE, APPROACH, DIFFERENCE

DIFFERENCE_KERNEL = Kernel("updates.difference", DIFFERENCE)
ADVANCE_KERNEL = Kernel("updates.advance", ADVANCE)
APPROACH_KERNEL = Kernel("updates.approach", APPROACH)


def difference(first: Any, second: Any, out: Any) -> float:
    """out = first - second, all float32[d]; returns its Euclidean length."""
    length: float = DIFFERENCE_KERNEL.call(first, second, out)
    if length < 0:
        raise complaint(length, "difference")
    return length


def advance(target: Any, start: Any, end: Any) -> None:
    """target += end - start, all float32[d]."""
    checked(ADVANCE_KERNEL.call(target, start, end), "advance")


def approach(average: Any, goal: Any, share: float) -> None:
    """average += share * (goal - average), both float32[d]; share is rounded to float32."""
    checked(APPROACH_KERNEL.call(average, goal, share), "approach")
