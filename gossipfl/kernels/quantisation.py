"""Signs, levels and the few scales that stand for the selected entries of a vector.

A *mark* is what one entry sends: bit 0 is its sign (1: negative), bit 1 its level (1: above the
tensor's mean magnitude).  Entries of one tensor and one level form a *group* and share a scale.
Groups are numbered from 0 in order of (tensor, level), skipping those without an entry.
"""

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def mark_signs(values, indices, out):
    """Write each entry's one-bit mark.  values: float32[d].  indices: int64[m].  out: uint8[m]."""
    for i in range(indices.size):
        out[i] = values[indices[i]] < 0


@numba.njit(nogil=True, cache=True)
def mark_levels(values, indices, groups, means, out):
    """Raise the level of every entry above its group's mean.  means: float64[groups]."""
    for i in range(indices.size):
        if abs(values[indices[i]]) > means[groups[i]]:
            out[i] |= 2


@numba.njit(nogil=True, cache=True)
def number_groups(indices, stops, marks, out):
    """Write the group of each entry; return the number of groups.

    indices: int64[m] ascending.  stops: int64[tensors], where each tensor ends, the last one at d.
    marks: uint8[m].  out: int64[m].
    """
    used = np.zeros(2 * stops.size, np.int64)
    tensor = 0
    for i in range(indices.size):
        while indices[i] >= stops[tensor]:
            tensor += 1
        out[i] = 2 * tensor + np.int64(marks[i] >> 1)
        used[out[i]] = 1
    numbers = np.cumsum(used)  # one too high: counted from 1
    for i in range(indices.size):
        out[i] = numbers[out[i]] - 1
    return numbers[-1]


@numba.njit(nogil=True, cache=True)
def group_means(values, indices, groups, out):
    """Write each group's mean magnitude, summed in index order.  out: float64[groups]."""
    counts = np.zeros(out.size, np.int64)
    out[:] = 0.0
    for i in range(indices.size):
        out[groups[i]] += abs(values[indices[i]])
        counts[groups[i]] += 1
    for group in range(out.size):
        out[group] /= counts[group]


@numba.njit(nogil=True, cache=True)
def dequantise(marks, groups, scales, out):
    """Write each entry's value: its group's scale under its sign.  scales, out: float32."""
    for i in range(marks.size):
        scale = scales[groups[i]]
        out[i] = -scale if marks[i] & 1 else scale
