"""Exact top-k by magnitude: a sample guesses how low to look, the few candidates are then ranked.

Non-negative floats sort like their bit patterns, so magnitudes are compared as integers: exact for
denormals, and a NaN or an infinity is simply a large number that cannot hide.
"""

import numba
import numpy as np

MAGNITUDE = 0x7FFFFFFF  # everything but the sign
INFINITE = 0x7F800000  # this pattern and all above are not finite
STRIDE = 16  # one value in so many is sampled
TOP_SHIFT = 20  # the sample's bins: exponent and three bits of mantissa, an eighth of an octave
TOP_BINS = 1 << (31 - TOP_SHIFT)


@numba.njit(nogil=True, cache=True)
def select_top(values, count, floor, out):
    """Write the ascending indices of the `count` largest magnitudes; return how many there are.

    values: float32[d].  count: 1..d.  floor: bit pattern, at least 1, of the smallest magnitude
    wanted, so zeros never are.  out: int64[d], scratch beyond the result.  Ties go to lower
    indices.  Fewer than `count` are found where fewer reach the floor; -1 means that a value is
    not finite.
    """
    bits = values.view(np.int32)
    found = _gather(bits, max(floor, _sampled_floor(bits, count)), out)
    if found < count:  # the sample misled us
        found = _gather(bits, floor, out)
    cut, ties = _cut(bits, out[:found], min(count, found))
    return _keep(bits, cut, ties, out[:found])


@numba.njit(nogil=True, cache=True)
def _sampled_floor(bits, count):
    """A bit pattern that very likely has `count` magnitudes above it, and not many more."""
    bins = np.zeros(TOP_BINS, np.int64)
    for i in range(0, bits.size, STRIDE):
        bins[(bits[i] & MAGNITUDE) >> TOP_SHIFT] += 1
    share = count / STRIDE
    wanted = share + 3 * np.sqrt(share) + 4  # three deviations: a second pass is dearer than this
    bin_ = TOP_BINS
    seen = 0
    while bin_ > 0 and seen < wanted:
        bin_ -= 1
        seen += bins[bin_]
    return bin_ << TOP_SHIFT


@numba.njit(nogil=True, cache=True)
def _gather(bits, floor, out):
    """Ascending indices of all magnitudes from `floor` on; returns their number."""
    found = 0
    for i in range(bits.size):
        if (bits[i] & MAGNITUDE) >= floor:
            out[found] = i
            found += 1
    return found


@numba.njit(nogil=True, cache=True)
def _cut(bits, candidates, count):
    """The `count`-th largest magnitude, and how many of its equals belong to the selection.

    Radix selection: eleven, ten and ten bits, each pass among those that share the prefix so far.
    """
    prefix = 0
    bins = np.empty(TOP_BINS, np.int64)
    for shift, width in ((20, 11), (10, 10), (0, 10)):
        bins[:] = 0
        for i in candidates:
            magnitude = bits[i] & MAGNITUDE
            if magnitude >> (shift + width) == prefix >> (shift + width):
                bins[(magnitude >> shift) & ((1 << width) - 1)] += 1
        bin_ = (1 << width) - 1
        while bin_ > 0 and bins[bin_] < count:
            count -= bins[bin_]
            bin_ -= 1
        prefix |= bin_ << shift
    return prefix, count


@numba.njit(nogil=True, cache=True)
def _keep(bits, cut, ties, candidates):
    """Compact `candidates` to those above `cut` and the first `ties` equal to it."""
    kept = 0
    for i in candidates:
        magnitude = bits[i] & MAGNITUDE
        if magnitude >= INFINITE:
            return -1
        if magnitude < cut or (magnitude == cut and ties == 0):
            continue
        ties -= magnitude == cut
        candidates[kept] = i
        kept += 1
    return kept
