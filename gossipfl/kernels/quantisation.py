"""Signs, levels and the few scales that stand for the selected entries of a vector.

A *mark* is what one entry sends: bit 0 is its sign (1: negative), bit 1 its level (1: above the
tensor's mean magnitude).  Entries of one tensor and one level form a *group* and share a scale,
which is sent as one byte: the code of their mean magnitude.  Codes are in order of (tensor, level),
without those of groups that have no entry.
"""

import numba
import numpy as np


@numba.njit
def quantise(values, indices, stops, borders, mark_bits, marks, codes):
    """Mark all entries; return how many groups they form.

    values: float32[m] and indices: int32[m], the entries.  stops: int64[tensors], where each tensor
    ends, the last one above all indices.  borders: float64[255] ascending; the code of a mean is
    how many it exceeds.  mark_bits: 1, signs only, or 2.  marks: uint8[m].  codes: uint8[2 x
    tensors].
    """
    start = groups = np.int64(0)  # a literal would have callees compiled twice
    for tensor in range(stops.size):
        stop = _first_from(indices, start, stops[tensor])
        if stop > start:
            inside, own = values[start:stop], marks[start:stop]
            mean = _mean(inside)
            if mark_bits == 1:
                groups = _put_code(mean, borders, codes, groups)
                _mark_signs(inside, own)
            else:
                groups = _split(inside, mean, borders, own, codes, groups)
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
        raised = 0
        for i in range(start, stop):
            raised += marks[i] > 1
        lower, upper = raised < stop - start, raised > 0
        if groups + lower + upper > codes.size:
            return -1
        low = scales[codes[groups]] if lower else np.float32(0)
        groups += lower
        high = scales[codes[groups]] if upper else np.float32(0)
        groups += upper
        for i in range(start, stop):
            scale = high if marks[i] & 2 else low
            out[i] = -scale if marks[i] & 1 else scale
        start = stop
    return groups


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
def _mean(values):
    """The mean magnitude, summed in order."""
    total = 0.0
    for i in range(values.size):
        total += np.float64(abs(values[i]))
    return total / values.size


@numba.njit
def _mark_signs(values, marks):
    for i in range(values.size):
        marks[i] = values[i] < 0


@numba.njit
def _split(values, mean, borders, marks, codes, groups):
    """Mark entries above the mean and those that are not, each with a mean of their own."""
    lower = upper = 0.0
    raised = 0
    for i in range(values.size):
        magnitude = np.float64(abs(values[i]))
        above = magnitude > mean
        upper += magnitude if above else 0.0
        lower += 0.0 if above else magnitude
        raised += above
        marks[i] = 2 * above + (values[i] < 0)
    if raised < values.size:
        groups = _put_code(lower / (values.size - raised), borders, codes, groups)
    if raised:
        groups = _put_code(upper / raised, borders, codes, groups)
    return groups


@numba.njit
def _put_code(mean, borders, codes, groups):
    """Append the code of a mean magnitude; returns the new number of codes."""
    codes[groups] = _first_from(borders, np.int64(0), mean)
    return groups + 1
