"""NumPy twin of updates.py; lengths differ by the order of a sum, nothing else does."""

import numpy as np


@np.errstate(all="ignore")
def difference(first, second, out):
    """out = first - second, all float32[d]; returns its Euclidean length."""
    np.subtract(first, second, out=out)
    return float(np.sqrt(np.dot(out, out)))


def advance(target, start, end):
    """target += end - start, all float32[d]."""
    target += end - start


def approach(average, goal, share):
    """average += share * (goal - average), both float32[d]; share is rounded to float32."""
    average += np.float32(share) * (goal - average)
