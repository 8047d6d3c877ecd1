"""Exact top-k by magnitude: a sample guesses how low to look, the few candidates are then ranked.

Non-negative floats sort like their bit patterns, so magnitudes are compared as integers: exact for
denormals, and a NaN or an infinity is simply a large number that cannot hide.
"""

import numba
import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.compaction import MAGNITUDE, count, keep
from gossipfl.kernels.sifting import sift

INFINITE = 0x7F800000  # this pattern and all above are not finite
GOLDEN = 40503  # the golden ratio's share of 2**16: its multiples are spread evenly


@numba.njit
def select_top(model, anchor, wanted, floor, places, chosen, length):
    """Find the `wanted` largest magnitudes of model - anchor; return how many there are.

    model, anchor: float32[d].  wanted: 1..d.  floor: bit pattern, at least 1, of the smallest
    magnitude to take, so zeros never are.  places: int32[d], begins with the ascending indices
    found.  chosen: float32[d], begins with the differences there.  Both are scratch beyond.
    length: float64[1], the Euclidean length of the whole difference.  Ties go to lower indices.
    Fewer than `wanted` are found where fewer reach the floor; -1 means that one is not finite.
    """
    picked = chosen.view(np.int32)  # in one place, since each is compiled anew
    low = _sampled_floor(model, anchor, wanted, np.int64(floor), chosen, picked)
    found, square = sift(model, anchor, low, places, chosen, picked)
    if found < wanted and low > floor:  # the sample misled us
        low = np.int64(floor)
        found, square = sift(model, anchor, low, places, chosen, picked)
    length[0] = np.sqrt(np.float64(square))
    largest = _largest(picked, found)
    if largest >= INFINITE:
        return -1
    if found <= wanted:
        return found
    cut = _cut(picked, found, np.int64(wanted), np.int64(0), (low, largest))
    found = keep(found, cut, places, picked)
    return _drop_ties(found, found - wanted, cut, places, picked)


@numba.njit
def _sampled_floor(model, anchor, wanted, floor, scratch, bits):
    """A bit pattern from `floor` on that very likely `wanted` reach, and not many more.

    scratch: float32[d], and the same as `bits`.
    """
    stride = stride_of(model.size)
    size = model.size // stride
    for i in range(size):
        place = sampled(i, stride)
        scratch[i] = model[place] - anchor[place]
    share = wanted / stride
    share += 3 * np.sqrt(share) + 4  # three deviations: a second pass is dearer than this
    if share >= size:
        return floor
    share = np.int64(share)
    return _cut(bits, size, share, share >> 4, (floor, _largest(bits, size)))


@register_jitable
def stride_of(size):
    """How many entries one sampled entry stands for: the longer a vector, the more."""
    return max(np.int64(1), np.int64(np.sqrt(size)) >> 2)


@register_jitable
def sampled(i, stride):
    """The place of sampled entry i: one of each `stride`, so spread that it follows no column."""
    return i * stride + (((i * GOLDEN & 0xFFFF) * stride) >> 16)


@numba.njit
def _largest(bits, size):
    """The largest magnitude of the first `size`, or 0."""
    largest, everything = np.uint32(0), np.uint32(MAGNITUDE)  # signed ones LLVM would widen
    for i in range(size):
        largest = max(largest, np.uint32(np.uint32(bits[i]) & everything))
    return np.int64(largest)


@numba.njit
def _cut(bits, size, wanted, spare, between):
    """The largest pattern that `wanted` of `size` magnitudes reach; or one that more do, but at
    most `spare` more.

    Counting is so fast that histograms do not pay.  Each count but every third is made where a
    straight line between the last two would have `wanted`, if tails fell like a square; the third
    halves what is left.  Where exactly `wanted` reach a pattern, that one serves as well as the
    largest; where fewer reach even the lower end, it is that.  wanted: below `size`.  between: the
    lower end, and the largest magnitude.
    """
    low, high, tries = between[0], between[1] + 1, 0
    more, fewer = size, np.int64(0)  # how many reach them
    while high - low > 1:
        tries += 1
        if tries % 3:
            upper, lower = np.sqrt(np.float64(more)), np.sqrt(np.float64(fewer))
            share = (upper - np.sqrt(np.float64(wanted))) / (upper - lower)
            middle = low + 1 + np.int64((high - low - 2) * share)
        else:
            middle = (low + high) >> 1
        reached = count(bits, size, middle)
        if wanted <= reached <= wanted + spare:
            return middle
        if reached > wanted:
            low, more = middle, reached
        else:
            high, fewer = middle, reached
    return low


@numba.njit
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
