"""Exact top-k by magnitude: a sample guesses how low to look, the few candidates are then ranked.

Non-negative floats sort like their bit patterns, so magnitudes are compared as integers: exact for
denormals, and a NaN or an infinity is simply a large number that cannot hide.
"""

import numba
import numpy as np

from gossipfl.kernels.compaction import MAGNITUDE, count, keep, take

INFINITE = 0x7F800000  # this pattern and all above are not finite
STRIDE = 17  # one value in so many is sampled; odd, or it might follow one column of a matrix
GRAIN = 1 << 18  # a sampled cut need not be closer: a thirty-second of an octave


@numba.njit(nogil=True, cache=True)
def select_top(values, wanted, floor, places, chosen):
    """Find the `wanted` largest magnitudes; return how many there are.

    values: float32[d].  wanted: 1..d.  floor: bit pattern, at least 1, of the smallest magnitude
    to take, so zeros never are.  places: int32[d], begins with the ascending indices found.
    chosen: float32[d], begins with the values there.  Both are scratch beyond.  Ties go to lower
    indices.  Fewer than `wanted` are found where fewer reach the floor; -1 means that a value is
    not finite.
    """
    bits, picked = values.view(np.int32), chosen.view(np.int32)
    found = take(bits, max(floor, _sampled_floor(bits, wanted, picked)), places, picked)
    if found < wanted:  # the sample misled us
        found = take(bits, floor, places, picked)
    if _largest(picked, found) >= INFINITE:
        return -1
    if found <= wanted:
        return found
    cut = _cut(picked, found, np.int64(wanted), np.int64(1))
    found = keep(found, cut, places, picked)
    return _drop_ties(found, found - wanted, cut, places, picked)


@numba.njit(nogil=True, cache=True)
def _sampled_floor(bits, wanted, scratch):
    """A bit pattern that very likely has `wanted` magnitudes above it, and not many more."""
    size = np.int64(0)  # a literal would have its callees compiled twice
    for i in range(0, bits.size, STRIDE):
        scratch[size] = bits[i]
        size += 1
    share = wanted / STRIDE
    share += 3 * np.sqrt(share) + 4  # three deviations: a second pass is dearer than this
    return _cut(scratch, size, np.int64(share), np.int64(GRAIN)) if share < size else 0


@numba.njit(nogil=True, cache=True)
def _largest(bits, size):
    """The largest magnitude of the first `size`, or 0."""
    largest = np.int32(0)
    for i in range(size):
        largest = max(largest, bits[i] & MAGNITUDE)
    return largest


@numba.njit(nogil=True, cache=True)
def _cut(bits, size, wanted, grain):
    """The largest pattern that at least `wanted` of `size` magnitudes reach, or up to `grain` less.

    Bisection: counting is so fast that histograms do not pay.  Where exactly `wanted` reach a
    pattern, that one serves as well as the largest.
    """
    low, high = np.int64(0), np.int64(_largest(bits, size)) + 1
    while high - low > grain:
        middle = (low + high) >> 1
        reached = count(bits, size, middle)
        if reached == wanted:
            return middle
        if reached > wanted:
            low = middle
        else:
            high = middle
    return low


@numba.njit(nogil=True, cache=True)
def _drop_ties(found, surplus, cut, places, bits):
    """Drop the last `surplus` of `found` entries that equal the cut; returns how many are left."""
    if surplus == 0:
        return found
    welcome = found - count(bits, found, cut + 1) - surplus
    kept = 0
    for i in range(found):
        if bits[i] & MAGNITUDE == cut:
            welcome -= 1
            if welcome < 0:
                continue
        places[kept], bits[kept] = places[i], bits[i]
        kept += 1
    return kept
