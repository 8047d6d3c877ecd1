"""Matrix products of small float32 matrices, walked tile by tile.

No BLAS: Numba reaches it only through SciPy, which a node does not carry.  Sums are made in an
order of the tiles' own; NaN and infinity, by which the trainer recognises divergence, are kept.
"""

from numba.extending import register_jitable

from gossipfl.kernels import gemm_ref
from gossipfl.kernels.calls import COMPILED, at, kernel
from gossipfl.kernels.signatures import LISTED_PRODUCT, PRODUCT

if COMPILED:
    from gossipfl.kernels.tiles import broadcast_tile, dot_tile
    from gossipfl.kernels.vectors import MANY_REGISTERS, WIDTH

    TALL = 8 if MANY_REGISTERS else 4
    SQUARE = 4 if MANY_REGISTERS else 2

    def _panel(columns, masked):
        """A jitted walk down one column of tiles."""
        tile = broadcast_tile(TALL, columns, masked)

        @register_jitable
        def panel(a, b, out, sizes, add):
            start, a_row, a_column = a
            target, out_row = out
            m, k, lanes = sizes
            for i in range(0, m, TALL):
                block = (at(start, i * a_row), a_row, a_column)
                tile(block, b, (at(target, i * out_row), out_row), (m - i, k, lanes), add)

        return panel

    # Two vectors side by side halve the loads of `a`; the rest goes vector by vector, masked.
    _two, _one = _panel(2, False), _panel(1, True)
    _four_dots, _two_dots, _one_dot = (dot_tile(SQUARE, columns) for columns in (4, 2, 1))

    def multiply(a, a_row, a_column, b, b_row, out, out_row, m, n, k, add):
        """out[m, n] = a[m, k] b[k, n], added to what is there if `add`; columns of b adjoin."""
        source, j = (a, a_row, a_column), 0
        while j + 2 * WIDTH <= n:
            _two(source, (at(b, j), b_row), (at(out, j), out_row), (m, k, 0), add)
            j += 2 * WIDTH
        while j < n:
            sizes = (m, k, min(n - j, WIDTH))
            _one(source, (at(b, j), b_row), (at(out, j), out_row), sizes, add)
            j += WIDTH

    def _listed_panel(columns, masked):
        """The same where lists say at which entries the rows and columns of `a` start."""
        tile = broadcast_tile(TALL, columns, masked, listed=True)

        @register_jitable
        def panel(a, b, out, sizes, add):
            start, rows, places = a
            target, out_row = out
            m, k, lanes = sizes
            for i in range(0, m, TALL):
                block = (start, at(rows, i), places)
                tile(block, b, (at(target, i * out_row), out_row), (m - i, k, lanes), add)

        return panel

    _two_listed, _one_listed = _listed_panel(2, False), _listed_panel(1, True)

    def multiply_listed(a, rows, columns, b, b_row, out, out_row, m, n, k, add):
        """out[m, n] = a[rows[m] + columns[k]] b[k, n], added to what is there if `add`."""
        source, j = (a, rows, columns), 0
        while j + 2 * WIDTH <= n:
            _two_listed(source, (at(b, j), b_row), (at(out, j), out_row), (m, k, 0), add)
            j += 2 * WIDTH
        while j < n:
            sizes = (m, k, min(n - j, WIDTH))
            _one_listed(source, (at(b, j), b_row), (at(out, j), out_row), sizes, add)
            j += WIDTH

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
