"""Matrix products of small float32 matrices, blocked 4 by 4 so that values stay in registers.

No BLAS: Numba reaches it only through SciPy, which a node does not carry.  Unsigned indices: Numba
wraps negative ones around, and that test keeps LLVM from vectorising.  The fastmath flags let sums
be reordered and fused, but keep NaN and infinity, by which the trainer recognises divergence.
"""

import numba
import numpy as np

REORDER = {"reassoc", "contract", "nsz"}


@numba.njit(nogil=True, cache=True, fastmath=REORDER)
def multiply_transposed(a, b, out):
    """out[m, n] = sum over k of a[m, k] b[n, k]; all float32, `out` is overwritten."""
    rows, columns = a.shape[0] // 4 * 4, b.shape[0] // 4 * 4
    for j in range(0, columns, 4):
        for i in range(0, rows, 4):
            _dot_block(a, b, out, i, j)
    for i in range(a.shape[0]):
        for j in range(columns if i < rows else 0, b.shape[0]):
            out[i, j] = _dot(a, b, i, j)


@numba.njit(nogil=True, cache=True, fastmath=REORDER)
def accumulate(a, b, out):
    """out[m, n] += sum over k of a[m, k] b[k, n]; all float32, `a` may be a transposed view."""
    rows, depth = a.shape[0] // 4 * 4, a.shape[1] // 4 * 4
    for i in range(0, rows, 4):
        for k in range(0, depth, 4):
            _add_block(a, b, out, i, k)
    for i in range(a.shape[0]):
        for k in range(depth if i < rows else 0, a.shape[1]):
            _add_row(a, b, out, i, k)


@numba.njit(nogil=True, cache=True, fastmath=REORDER)
def _dot(a, b, i, j):
    total = np.float32(0)
    left, right = a[i], b[j]
    for index in range(a.shape[1]):
        k = np.uint64(index)
        total += left[k] * right[k]
    return total


@numba.njit(nogil=True, cache=True, fastmath=REORDER)
def _dot_block(a, b, out, i, j):
    """Sixteen dot products at once: eight loads feed sixteen multiplications."""
    a0, a1, a2, a3 = a[i], a[i + 1], a[i + 2], a[i + 3]
    b0, b1, b2, b3 = b[j], b[j + 1], b[j + 2], b[j + 3]
    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = np.float32(0)
    s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = np.float32(0)
    for index in range(a.shape[1]):
        k = np.uint64(index)
        x0, x1, x2, x3 = a0[k], a1[k], a2[k], a3[k]
        y0, y1, y2, y3 = b0[k], b1[k], b2[k], b3[k]
        s00, s01, s02, s03 = s00 + x0 * y0, s01 + x0 * y1, s02 + x0 * y2, s03 + x0 * y3
        s10, s11, s12, s13 = s10 + x1 * y0, s11 + x1 * y1, s12 + x1 * y2, s13 + x1 * y3
        s20, s21, s22, s23 = s20 + x2 * y0, s21 + x2 * y1, s22 + x2 * y2, s23 + x2 * y3
        s30, s31, s32, s33 = s30 + x3 * y0, s31 + x3 * y1, s32 + x3 * y2, s33 + x3 * y3
    out[i, j], out[i, j + 1], out[i, j + 2], out[i, j + 3] = s00, s01, s02, s03
    out[i + 1, j], out[i + 1, j + 1], out[i + 1, j + 2], out[i + 1, j + 3] = s10, s11, s12, s13
    out[i + 2, j], out[i + 2, j + 1], out[i + 2, j + 2], out[i + 2, j + 3] = s20, s21, s22, s23
    out[i + 3, j], out[i + 3, j + 1], out[i + 3, j + 2], out[i + 3, j + 3] = s30, s31, s32, s33


@numba.njit(nogil=True, cache=True, fastmath=REORDER)
def _add_row(a, b, out, i, k):
    factor, source, target = a[i, k], b[k], out[i]
    for index in range(b.shape[1]):
        n = np.uint64(index)
        target[n] += factor * source[n]


@numba.njit(nogil=True, cache=True, fastmath=REORDER)
def _add_block(a, b, out, i, k):
    """Four rows of `out` take four rows of `b` each: eight loads feed sixteen multiplications."""
    o0, o1, o2, o3 = out[i], out[i + 1], out[i + 2], out[i + 3]
    b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
    a00, a01, a02, a03 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
    a10, a11, a12, a13 = a[i + 1, k], a[i + 1, k + 1], a[i + 1, k + 2], a[i + 1, k + 3]
    a20, a21, a22, a23 = a[i + 2, k], a[i + 2, k + 1], a[i + 2, k + 2], a[i + 2, k + 3]
    a30, a31, a32, a33 = a[i + 3, k], a[i + 3, k + 1], a[i + 3, k + 2], a[i + 3, k + 3]
    for index in range(b.shape[1]):
        n = np.uint64(index)
        y0, y1, y2, y3 = b0[n], b1[n], b2[n], b3[n]
        o0[n] += a00 * y0 + a01 * y1 + a02 * y2 + a03 * y3
        o1[n] += a10 * y0 + a11 * y1 + a12 * y2 + a13 * y3
        o2[n] += a20 * y0 + a21 * y1 + a22 * y2 + a23 * y3
        o3[n] += a30 * y0 + a31 * y1 + a32 * y2 + a33 * y3
