"""Reference twins of quantisation.py: the definition, not the speed."""

import numpy as np


def mark_signs(values, indices, out):
    out[:] = values[indices] < 0


def mark_levels(values, indices, groups, means, out):
    out[np.abs(values[indices]) > means[groups]] |= 2


def number_groups(indices, stops, marks, out):
    keys = 2 * np.searchsorted(stops, indices, side="right") + (marks >> 1)
    used, out[:] = np.unique(keys, return_inverse=True)
    return used.size


def group_means(values, indices, groups, out):
    magnitudes = np.abs(values[indices]).astype(np.float64)
    out[:] = np.bincount(groups, magnitudes, out.size) / np.bincount(groups, minlength=out.size)


def dequantise(marks, groups, scales, out):
    out[:] = np.where(marks & 1, -scales[groups], scales[groups])
