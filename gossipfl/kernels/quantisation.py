"""Signs, levels and the few scales that stand for the selected entries of a vector.

A *mark* is what one entry sends: bit 0 is its sign (1: negative), bit 1 its level (1: above the
tensor's mean magnitude).  Entries of one tensor and one level form a *group* and share a scale,
which is sent as one byte: the code of their mean magnitude.  Codes are in order of (tensor, level),
without those of groups that have no entry.
"""

import numba
import numpy as np
from numba.extending import register_jitable

# Sums that are exact do not depend on their order, and lanes add faster than one number.
ANY_ORDER = {"reassoc"}
MANTISSA_BITS, SPARE_BITS = 23, 29  # of float32, and what float64 has beyond all of it and a sign
MAGNITUDE = np.uint32(0x7FFFFFFF)  # unsigned, or vectors of bit patterns would be widened
NOBODY = MAGNITUDE


@numba.njit
def quantise(values, indices, stops, borders, mark_bits, marks, codes):
    """Mark all entries; return how many groups they form.

    values: float32[m] and indices: int32[m], the entries.  stops: int64[tensors], where each tensor
    ends, the last one above all indices.  borders: float64[255] ascending; the code of a mean is
    how many it exceeds.  mark_bits: 1, signs only, or 2.  marks: uint8[m].  codes: uint8[2 x
    tensors].  Means are of magnitudes summed in order, as float64.
    """
    start = groups = np.int64(0)  # a literal would have callees compiled twice
    bits = values.view(np.uint32)  # in one place, since each is compiled anew
    for tensor in range(stops.size):
        stop = _first_from(indices, start, stops[tensor])
        if stop > start:
            inside = values[start:stop], bits[start:stop]
            groups = _mark(inside, borders, mark_bits, marks[start:stop], codes, groups)
        start = stop
    return groups


@numba.njit
def dequantise(indices, marks, stops, codes, scales, out):
    """Write each entry's value, its group's scale under its sign; return how many groups there are.

    indices: int32[m].  codes: uint8[n], those of the groups in order.  scales: float32[256], what
    codes stand for.  out: float32[m].  Returns -1 if there are more groups than codes.
    """
    start = groups = np.int64(0)  # a literal would have callees compiled twice
    for tensor in range(stops.size):
        stop = _first_from(indices, start, stops[tensor])
        own = marks[start:stop]
        raised = _count_raised(own)
        lower, upper = raised < stop - start, raised > 0
        if groups + lower + upper > codes.size:
            return -1
        low = scales[codes[groups]] if lower else np.float32(0)
        groups += lower
        high = scales[codes[groups]] if upper else np.float32(0)
        groups += upper
        _put_values(own, low, high, out[start:stop])
        start = stop
    return groups


@numba.njit
def _count_raised(marks):
    raised = np.int64(0)
    for i in range(marks.size):
        raised += marks[i] > 1
    return raised


@numba.njit
def _put_values(marks, low, high, out):
    for i in range(marks.size):
        scale = high if marks[i] & 2 else low
        out[i] = -scale if marks[i] & 1 else scale


@numba.njit
def _first_from(numbers, start, least):
    """The place from `start` on of the first of ascending numbers that is not below `least`."""
    stop = numbers.size
    while start < stop:
        middle = (start + stop) >> 1
        if numbers[middle] < least:
            start = middle + 1
        else:
            stop = middle
    return start


@numba.njit
def _mark(entries, borders, mark_bits, marks, codes, groups):
    """Mark one tensor's entries, at least one, and append its codes; returns their new number.

    entries: float32[m] and the same as uint32[m].
    """
    values, bits = entries
    exact, least = _adds_exactly(bits), NOBODY
    lower, upper = _sum(values, bits, least, False, exact), 0.0
    if mark_bits == 2:
        least = _next_above(lower / values.size)
        upper = _sum(values, bits, least, True, exact)
        lower = lower - upper if exact else _sum(values, bits, least, False, exact)
    raised = _put_marks(values, bits, least, marks)
    if raised < values.size:
        groups = _put_code(lower / (values.size - raised), borders, codes, groups)
    if raised:
        groups = _put_code(upper / raised, borders, codes, groups)
    return groups


@numba.njit
def _adds_exactly(bits):
    """Whether float64 has bits enough for all sums of these magnitudes, in any order."""
    largest, smallest = np.uint32(0), MAGNITUDE
    for i in range(bits.size):
        magnitude = np.uint32(bits[i] & MAGNITUDE)
        largest, smallest = max(largest, magnitude), min(smallest, magnitude)
    octaves = (np.int64(largest) >> MANTISSA_BITS) - (np.int64(smallest) >> MANTISSA_BITS)
    return octaves < SPARE_BITS and bits.size >> (SPARE_BITS - octaves) == 0


@register_jitable
def _next_above(number):
    """The bit pattern of the smallest float32 above a positive float64."""
    nearest = np.float32(number)
    return np.uint32(nearest.view(np.uint32) + np.uint32(nearest <= number))


@register_jitable
def _sum(values, bits, least, raised, exact):
    """The sum of the magnitudes that reach the bit pattern `least`, or else of those that do not.

    In order, unless sums are `exact` in any.
    """
    if exact:
        return _sum_in_any_order(values, bits, least, raised)
    return _sum_in_order(values, bits, least, raised)


@numba.njit
def _sum_in_order(values, bits, least, raised):
    return _sum_of(values, bits, least, raised)


@numba.njit(fastmath=ANY_ORDER)
def _sum_in_any_order(values, bits, least, raised):
    return _sum_of(values, bits, least, raised)


@register_jitable
def _sum_of(values, bits, least, raised):
    total = 0.0
    for i in range(values.size):
        counts = (bits[i] & MAGNITUDE >= least) == raised
        total += np.float64(abs(values[i])) if counts else 0.0
    return total


@numba.njit
def _put_marks(values, bits, least, marks):
    """Mark signs, and magnitudes that reach the bit pattern `least`; returns how many do."""
    raised = np.int64(0)
    for i in range(values.size):
        above = bits[i] & MAGNITUDE >= least
        marks[i] = 2 * above + (values[i] < 0)
        raised += above
    return raised


@numba.njit
def _put_code(mean, borders, codes, groups):
    """Append the code of a mean magnitude; returns the new number of codes."""
    codes[groups] = _first_from(borders, np.int64(0), mean)
    return groups + 1
