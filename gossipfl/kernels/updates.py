"""Whole vectors of a node, updated in one pass each; UNEQUAL where their sizes differ."""

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.calls import kernel
from gossipfl.kernels.signatures import ADVANCE, APPROACH, DIFFERENCE, UNEQUAL

# Only how far models are apart depends on the order of the sum.
ANY_ORDER = {"reassoc"}


@kernel(DIFFERENCE, ANY_ORDER)
def difference(first, second, out):
    """out = first - second, all float32[d]; returns its Euclidean length."""
    if not first.size == second.size == out.size:
        return UNEQUAL
    total = np.float32(0)
    for i in range(out.size):
        out[i] = first[i] - second[i]
        total += out[i] * out[i]
    return np.sqrt(np.float64(total))


@kernel(ADVANCE)
def advance(target, start, end):
    """target += end - start, all float32[d]."""
    if not target.size == start.size == end.size:
        return UNEQUAL
    for i in range(target.size):
        target[i] += end[i] - start[i]
    return 0


@kernel(APPROACH)
def approach(average, goal, share):
    """average += share * (goal - average), both float32[d]; share is rounded to float32."""
    return move_towards(average, goal, share)


@register_jitable
def move_towards(average, goal, share):
    """The same within a kernel."""
    if average.size != goal.size:
        return UNEQUAL
    factor = np.float32(share)
    for i in range(average.size):
        average[i] += factor * (goal[i] - average[i])
    return 0
