"""NumPy twins of quantisation.py, which says what marks and groups are."""

import numpy as np


def mark_signs(values, indices, out):
    """Write each entry's one-bit mark.  values: float32[d].  indices: int64[m].  out: uint8[m]."""
    out[:] = values[indices] < 0


def mark_levels(values, indices, groups, means, out):
    """Raise the level of every entry above its group's mean.  means: float64[groups]."""
    out[np.abs(values[indices]) > means[groups]] |= 2


def number_groups(indices, stops, marks, out):
    """Write the group of each entry; return the number of groups.  stops: int64[tensors]."""
    keys = 2 * np.searchsorted(stops, indices, side="right") + (marks >> 1)
    used, out[:] = np.unique(keys, return_inverse=True)
    return used.size


def group_means(values, indices, groups, out):
    """Write each group's mean magnitude, summed in index order.  out: float64[groups]."""
    places = groups.astype(np.intp)  # or 32-bit processors refuse to count
    magnitudes = np.abs(values[indices]).astype(np.float64)
    out[:] = np.bincount(places, magnitudes, out.size) / np.bincount(places, minlength=out.size)


def dequantise(marks, groups, scales, out):
    """Write each entry's value: its group's scale under its sign.  scales, out: float32."""
    out[:] = np.where(marks & 1, -scales[groups], scales[groups])
