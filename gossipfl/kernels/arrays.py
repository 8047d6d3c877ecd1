"""Loops over flat arrays that several layers need, for use inside of kernels.

LLVM vectorises a loop only if few pairs of its arrays could overlap: keep loops small.
"""

import numpy as np
from numba.extending import register_jitable

ZERO = np.float32(0)


@register_jitable
def clear(out, size):
    """out[size] = 0."""
    for i in range(size):
        out[i] = ZERO


@register_jitable
def copy(source, out, size):
    """out[size] = source[size]."""
    for i in range(size):
        out[i] = source[i]


@register_jitable
def add(source, out, size):
    """out[size] += source[size]."""
    for i in range(size):
        out[i] += source[i]


@register_jitable
def scale(factors, out, size):
    """out[size] *= factors[size]."""
    for i in range(size):
        out[i] *= factors[i]


@register_jitable
def transpose(source, rows, columns, out):
    """out[columns, rows] = source[rows, columns] transposed."""
    for i in range(rows):
        for j in range(columns):
            out[j * rows + i] = source[i * columns + j]


@register_jitable
def repeat(first, second, width, rows, out):
    """out[rows, width] = first + second, both [width], in every row."""
    for j in range(width):
        out[j] = first[j] + second[j]
    for i in range(1, rows):
        for j in range(width):
            out[i * width + j] = out[j]


@register_jitable
def sum_rows(source, rows, width, out):
    """out[width] = the sum of the rows of source[rows, width]."""
    for j in range(width):
        out[j] = source[j]
    for i in range(1, rows):
        for j in range(width):
            out[j] += source[i * width + j]
