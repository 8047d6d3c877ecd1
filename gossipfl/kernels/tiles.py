"""Register tiles of the matrix products, emitted as LLVM vectors.

A tile keeps a block of the result in registers while it walks along the shared dimension.  Tiles
check nothing: the loops in gemm.py hand them only what lies inside the matrices.

Where fewer rows are left than a tile has, its last rows all stand for the last row of the matrix:
they compute the same and store it in the same place, after everything has been read.  So one height
of tile serves every matrix, and compiling stays short.
"""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from gossipfl.kernels import vectors
from gossipfl.kernels.vectors import WIDTH, integer


def broadcast_tile(rows, columns, masked, listed=False):
    """Intrinsic for out[rows, columns vectors] (+)= a[rows, depth] b[depth, columns vectors].

    Its arguments: a (pointer, row stride, column stride), b and out (pointer, row stride), sizes
    (rows left, depth, columns left if `masked`), add (to what is there, if not 0).
    If `listed`, a has two lists in place of its strides: where rows and columns start.
    """

    @intrinsic
    def tile(typing, a, b, out, sizes, add):
        def generate(context, builder, signature, values):
            a, a_row, a_column = cgutils.unpack_tuple(builder, values[0])
            (b, b_row), (out, out_row) = (cgutils.unpack_tuple(builder, v) for v in values[1:3])
            left, depth, lanes = cgutils.unpack_tuple(builder, values[3])
            masks = _masks(builder, columns, lanes) if masked else [None] * columns
            places = [
                (builder.gep(start, [integer(j * WIDTH)]), where)
                for start in _starts(builder, out, out_row, rows, left)
                for j, where in enumerate(masks)
            ]
            sums = [cgutils.alloca_once_value(builder, vectors.ZEROS) for _ in places]
            with builder.if_then(builder.icmp_signed("!=", values[4], integer(0))):
                for total, (place, where) in zip(sums, places, strict=True):
                    builder.store(vectors.load(builder, place, where), total)
            lines = (_listed if listed else _starts)(builder, a, a_row, rows, left)
            with cgutils.for_range(builder, depth) as loop:
                line = builder.gep(b, [builder.mul(loop.index, b_row)])
                across = _row(builder, line, masks)
                if listed:
                    along = builder.load(builder.gep(a_column, [loop.index]))
                else:
                    along = builder.mul(loop.index, a_column)
                for i in range(rows):
                    factor = vectors.splat(builder, builder.load(builder.gep(lines[i], [along])))
                    _add_products(builder, [factor] * columns, across, sums[i * columns :])
            for total, (place, where) in zip(sums, places, strict=True):
                vectors.store(builder, builder.load(total), place, where)
            return context.get_dummy_value()

        return types.void(a, b, out, types.UniTuple(types.int64, 3), types.int64), generate

    return tile


def dot_tile(rows, columns):
    """Intrinsic for out[rows, columns] (+)= a[rows, depth] times b[columns, depth] transposed.

    Its arguments: a, b and out (pointer, row stride), sizes (rows left, depth), add.  Columns of a
    and b lie side by side.
    """

    @intrinsic
    def tile(typing, a, b, out, sizes, add):
        def generate(context, builder, signature, values):
            (a, a_row), (b, b_row), (out, out_row), (left, depth) = (
                cgutils.unpack_tuple(builder, value) for value in values[:4]
            )
            x = _starts(builder, a, a_row, rows, left)
            y = [_step(builder, b, b_row, integer(j)) for j in range(columns)]
            sums = [
                cgutils.alloca_once_value(builder, vectors.ZEROS) for _ in range(rows * columns)
            ]

            def add_part(start, where):
                xs, ys = (
                    [vectors.load(builder, builder.gep(p, [start]), where) for p in pointers]
                    for pointers in (x, y)
                )
                for i in range(rows):
                    _add_products(builder, [xs[i]] * columns, ys, sums[i * columns :])

            whole = builder.sdiv(depth, integer(WIDTH))
            with cgutils.for_range(builder, whole) as loop:
                add_part(builder.mul(loop.index, integer(WIDTH)), None)
            done = builder.mul(whole, integer(WIDTH))
            rest = builder.sub(depth, done)
            with builder.if_then(builder.icmp_signed(">", rest, integer(0))):
                add_part(done, vectors.mask(builder, rest))
            found = vectors.lane_sums(builder, [builder.load(s) for s in sums], columns)
            _put(builder, values[4], _starts(builder, out, out_row, rows, left), found)
            return context.get_dummy_value()

        return types.void(a, b, out, types.UniTuple(types.int64, 2), types.int64), generate

    return tile


def _put(builder, add, places, sums):
    """Store the sums, on top of what is there if `add`; read all before the first is stored."""
    adding = builder.icmp_signed("!=", add, integer(0))
    with builder.if_else(adding) as (then, otherwise):
        with then:
            there = [
                vectors.load(builder, place, lanes=value.type)
                for place, value in zip(places, sums, strict=True)
            ]
            for place, before, value in zip(places, there, sums, strict=True):
                vectors.store(builder, builder.fadd(before, value), place)
        with otherwise:
            for place, value in zip(places, sums, strict=True):
                vectors.store(builder, value, place)


def _masks(builder, columns, lanes):
    """For each vector of a row, which of its lanes are among the first `lanes`."""
    return [vectors.mask(builder, builder.sub(lanes, integer(j * WIDTH))) for j in range(columns)]


def _starts(builder, pointer, stride, rows, left):
    """Pointers to `rows` rows; from the last of the `left` rows on, to that one."""
    return [_step(builder, pointer, stride, row) for row in _rows(builder, rows, left)]


def _listed(builder, pointer, starts, rows, left):
    """The same for rows that start where a list says."""
    places = [builder.load(builder.gep(starts, [row])) for row in _rows(builder, rows, left)]
    return [builder.gep(pointer, [place]) for place in places]


def _rows(builder, rows, left):
    last = builder.sub(left, integer(1))
    inside = [builder.icmp_signed("<", integer(i), last) for i in range(rows)]
    return [builder.select(fits, integer(i), last) for i, fits in enumerate(inside)]


def _step(builder, pointer, stride, count):
    return builder.gep(pointer, [builder.mul(stride, count)])


def _row(builder, pointer, masks):
    return [
        vectors.load(builder, builder.gep(pointer, [integer(j * WIDTH)]), where)
        for j, where in enumerate(masks)
    ]


def _add_products(builder, x, y, sums):
    for left, right, total in zip(x, y, sums, strict=False):
        builder.store(vectors.multiply_add(builder, left, right, builder.load(total)), total)
