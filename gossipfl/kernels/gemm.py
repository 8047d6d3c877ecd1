"""Matrix products of small float32 matrices, walked tile by tile.

No BLAS: Numba reaches it only through SciPy, which a node does not carry.  Sums are made in an
order of the tiles' own; NaN and infinity, by which the trainer recognises divergence, are kept.
"""

from numba.extending import register_jitable

from gossipfl.kernels import gemm_ref
from gossipfl.kernels.calls import COMPILED, PRODUCT, Kernel, at

if COMPILED:
    from gossipfl.kernels.tiles import broadcast_tile, dot_tile
    from gossipfl.kernels.vectors import MANY_REGISTERS, WIDTH

    TALL = 8 if MANY_REGISTERS else 4
    HALF = TALL // 2

    def _panel(columns, masked):
        """A jitted walk down one column of tiles."""
        tall, half, single = (broadcast_tile(rows, columns, masked) for rows in (TALL, HALF, 1))

        @register_jitable
        def panel(a, b, out, sizes, left, add):
            start, a_row, a_column = a
            target, out_row = out
            m, k = sizes
            i = 0
            while i + TALL <= m:
                block = (at(start, i * a_row), a_row, a_column)
                tall(block, b, (at(target, i * out_row), out_row), k, left, add)
                i += TALL
            while i + HALF <= m:
                block = (at(start, i * a_row), a_row, a_column)
                half(block, b, (at(target, i * out_row), out_row), k, left, add)
                i += HALF
            while i < m:
                block = (at(start, i * a_row), a_row, a_column)
                single(block, b, (at(target, i * out_row), out_row), k, left, add)
                i += 1

        return panel

    # Two vectors side by side halve the loads of `a`; the rest goes vector by vector, the last one
    # masked.  Each panel costs half a second of compilation.
    _two, _one = _panel(2, False), _panel(1, True)
    _dot44, _dot42, _dot41 = (dot_tile(4, columns) for columns in (4, 2, 1))
    _dot14, _dot11 = (dot_tile(1, columns) for columns in (4, 1))

    def multiply(a, a_row, a_column, b, b_row, out, out_row, m, n, k, add):
        """out[m, n] = a[m, k] b[k, n], added to what is there if `add`; columns of b adjoin."""
        source, j = (a, a_row, a_column), 0
        while j + 2 * WIDTH <= n:
            _two(source, (at(b, j), b_row), (at(out, j), out_row), (m, k), 0, add)
            j += 2 * WIDTH
        while j < n:
            left = min(n - j, WIDTH)
            _one(source, (at(b, j), b_row), (at(out, j), out_row), (m, k), left, add)
            j += WIDTH

    def multiply_transposed(a, a_row, a_column, b, b_row, out, out_row, m, n, k, add):
        """out[m, n] = a[m, k] times b[n, k] transposed; columns of a adjoin (a_column is 1)."""
        for i in range(0, m // 4 * 4, 4):
            source, target = (at(a, i * a_row), a_row), at(out, i * out_row)
            j = 0
            while j + 4 <= n:
                _dot44(source, (at(b, j * b_row), b_row), (at(target, j), out_row), k, add)
                j += 4
            while j + 2 <= n:
                _dot42(source, (at(b, j * b_row), b_row), (at(target, j), out_row), k, add)
                j += 2
            if j < n:
                _dot41(source, (at(b, j * b_row), b_row), (at(target, j), out_row), k, add)
        for i in range(m // 4 * 4, m):
            source, target = (at(a, i * a_row), a_row), at(out, i * out_row)
            j = 0
            while j + 4 <= n:
                _dot14(source, (at(b, j * b_row), b_row), (at(target, j), out_row), k, add)
                j += 4
            while j < n:
                _dot11(source, (at(b, j * b_row), b_row), (at(target, j), out_row), k, add)
                j += 1

else:
    multiply, multiply_transposed = gemm_ref.multiply, gemm_ref.multiply_transposed

MULTIPLY = Kernel(multiply, PRODUCT, set())
MULTIPLY_TRANSPOSED = Kernel(multiply_transposed, PRODUCT, set())
