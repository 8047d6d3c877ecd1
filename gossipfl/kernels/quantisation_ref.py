"""NumPy twin of quantisation.py, which says what marks, groups and codes are."""

import numpy as np


def quantise(values, indices, stops, borders, mark_bits, marks, codes):
    """Mark all entries; return how many groups they form.

    values: float32[m] and indices: int32[m], the entries.  stops: int64[tensors].  borders:
    float64[255].  mark_bits: 1 or 2.  marks: uint8[m].  codes: uint8[2 tensors].
    """
    magnitudes = np.abs(values).astype(np.float64)
    marks[:] = values < 0
    groups, means = _group(magnitudes, indices, stops, marks)
    if mark_bits == 2:
        marks |= np.where(magnitudes > means[groups], 2, 0).astype(np.uint8)
        groups, means = _group(magnitudes, indices, stops, marks)
    codes[: means.size] = np.searchsorted(borders, means)
    return means.size


def dequantise(indices, marks, stops, codes, scales, out):
    """Write each entry's value, its group's scale under its sign; return how many groups there are.

    indices: int32[m].  codes: uint8[n].  scales: float32[256].  out: float32[m].  Returns -1 if
    there are more groups than codes.
    """
    used, groups = _numbered(indices, stops, marks)
    if used > codes.size:
        return -1
    found = scales[codes[groups]]
    out[:] = np.where(marks & 1, -found, found)
    return used


def _group(magnitudes, indices, stops, marks):
    """Each entry's group and each group's mean, summed in order."""
    used, groups = _numbered(indices, stops, marks)
    totals = np.bincount(groups, magnitudes, used)
    return groups, totals / np.bincount(groups, minlength=used)


def _numbered(indices, stops, marks):
    """How many groups have an entry, and the number of each entry's among those."""
    keys = 2 * np.searchsorted(stops, indices, side="right") + (marks >> 1)
    used, groups = np.unique(keys, return_inverse=True)
    return used.size, groups
