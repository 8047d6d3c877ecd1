"""Matrix products of small float32 matrices, walked tile by tile.

No BLAS: Numba reaches it only through SciPy, which a node does not carry.  Sums are made in an
order of the tiles' own; NaN and infinity, by which the trainer recognises divergence, are kept.
"""

from gossipfl.kernels import gemm_ref
from gossipfl.kernels.calls import COMPILED, at, kernel
from gossipfl.kernels.signatures import LISTED_PRODUCT, PRODUCT

if COMPILED:
    from gossipfl.kernels.tiles import broadcast_tile, dot_tile
    from gossipfl.kernels.vectors import MANY_REGISTERS, WIDTH

    TALL = 8 if MANY_REGISTERS else 4
    SQUARE = 4 if MANY_REGISTERS else 2
    LOW = 2  # few rows, as slopes of a layer that tells two classes have, fill no taller tile

    # Two vectors side by side halve the loads of `a`; the rest goes vector by vector, masked.
    _two, _one = broadcast_tile(TALL, 2, False), broadcast_tile(TALL, 1, True)
    _low = broadcast_tile(LOW, 4, True)
    _two_listed = broadcast_tile(TALL, 2, False, listed=True)
    _one_listed = broadcast_tile(TALL, 1, True, listed=True)
    _four_dots, _two_dots, _one_dot = (dot_tile(SQUARE, columns) for columns in (4, 2, 1))

    def multiply(a, a_row, a_column, b, b_row, out, out_row, m, n, k, add):
        """out[m, n] = a[m, k] b[k, n], added to what is there if `add`; columns of b adjoin."""
        tall = m if m % TALL > LOW else m - m % TALL
        wide = n - n % (2 * WIDTH)
        for j in range(0, wide, 2 * WIDTH):
            for i in range(0, tall, TALL):
                block, place = (at(a, i * a_row), a_row, a_column), at(out, i * out_row + j)
                _two(block, (at(b, j), b_row), (place, out_row), (tall - i, k, 0), add)
        for j in range(wide, n, WIDTH):
            for i in range(0, tall, TALL):
                block, place = (at(a, i * a_row), a_row, a_column), at(out, i * out_row + j)
                _one(block, (at(b, j), b_row), (place, out_row), (tall - i, k, n - j), add)
        if tall < m:
            block = (at(a, tall * a_row), a_row, a_column)
            for j in range(0, n, 4 * WIDTH):
                place = at(out, tall * out_row + j)
                _low(block, (at(b, j), b_row), (place, out_row), (m - tall, k, n - j), add)

    def multiply_listed(a, rows, columns, b, b_row, out, out_row, m, n, k, add):
        """out[m, n] = a[rows[m] + columns[k]] b[k, n], added to what is there if `add`."""
        wide = n - n % (2 * WIDTH)
        for j in range(0, wide, 2 * WIDTH):
            for i in range(0, m, TALL):
                block, place = (a, at(rows, i), columns), at(out, i * out_row + j)
                _two_listed(block, (at(b, j), b_row), (place, out_row), (m - i, k, 0), add)
        for j in range(wide, n, WIDTH):
            for i in range(0, m, TALL):
                block, place = (a, at(rows, i), columns), at(out, i * out_row + j)
                _one_listed(block, (at(b, j), b_row), (place, out_row), (m - i, k, n - j), add)

    def multiply_transposed(a, a_row, a_column, b, b_row, out, out_row, m, n, k, add):
        """out[m, n] = a[m, k] times b[n, k] transposed; columns of a adjoin (a_column is 1)."""
        for i in range(0, m, SQUARE):
            source, target = (at(a, i * a_row), a_row), at(out, i * out_row)
            sizes, j = (m - i, k), 0
            while j + 4 <= n:
                _four_dots(source, (at(b, j * b_row), b_row), (at(target, j), out_row), sizes, add)
                j += 4
            if j + 2 <= n:
                _two_dots(source, (at(b, j * b_row), b_row), (at(target, j), out_row), sizes, add)
                j += 2
            if j < n:
                _one_dot(source, (at(b, j * b_row), b_row), (at(target, j), out_row), sizes, add)

else:
    multiply, multiply_transposed = gemm_ref.multiply, gemm_ref.multiply_transposed
    multiply_listed = gemm_ref.multiply_listed

multiply, multiply_transposed = kernel(PRODUCT)(multiply), kernel(PRODUCT)(multiply_transposed)
multiply_listed = kernel(LISTED_PRODUCT)(multiply_listed)
