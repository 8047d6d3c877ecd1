"""Whole vectors of a node, updated in one pass each."""

import numba
import numpy as np

# Only how far models are apart depends on the order of the sum.
ANY_ORDER = {"reassoc"}


@numba.njit(nogil=True, cache=True, fastmath=ANY_ORDER)
def difference(first, second, out):
    """out = first - second, all float32[d]; returns its Euclidean length."""
    total = np.float32(0)
    for i in range(out.size):
        out[i] = first[i] - second[i]
        total += out[i] * out[i]
    return np.sqrt(np.float64(total))


@numba.njit(nogil=True, cache=True)
def advance(target, start, end):
    """target += end - start, all float32[d]."""
    for i in range(target.size):
        target[i] += end[i] - start[i]


@numba.njit(nogil=True, cache=True)
def approach(average, goal, share):
    """average += share * (goal - average), both float32[d]; share is rounded to float32."""
    factor = np.float32(share)
    for i in range(average.size):
        average[i] += factor * (goal[i] - average[i])
