"""What the matrix kernels compute, in one line each; equal up to the order of the sums.

Indices are spelled out, so that NumPy notices one that lies outside of its array.
"""

import numpy as np


def multiply(a, a_row, a_column, b, b_row, out, out_row, m, n, k, add):
    """out = a times b, or is increased by it."""
    left, right = a[_places(m, a_row, k, a_column)], b[_places(k, b_row, n, 1)]
    _put(left @ right, out, out_row, add)


def multiply_listed(a, rows, columns, b, b_row, out, out_row, m, n, k, add):
    """out = a times b, or is increased by it; a's entries lie at rows[m] + columns[k]."""
    left, right = a[rows[:m, None] + columns[:k]], b[_places(k, b_row, n, 1)]
    _put(left @ right, out, out_row, add)


def multiply_transposed(a, a_row, a_column, b, b_row, out, out_row, m, n, k, add):
    """out = a times b transposed, or is increased by it."""
    left, right = a[_places(m, a_row, k, a_column)], b[_places(n, b_row, k, 1)]
    _put(left @ right.T, out, out_row, add)


def _places(rows, row_stride, columns, column_stride):
    return np.arange(rows)[:, None] * row_stride + np.arange(columns) * column_stride


def _put(product, out, out_row, add):
    places = _places(product.shape[0], out_row, product.shape[1], 1)
    out[places] = out[places] + product if add else product
