"""Register tiles of the matrix products, emitted as LLVM vectors.

A tile keeps a block of the result in registers while it walks along the shared dimension.  Tiles
check nothing: the loops in gemm.py hand them only what lies inside the matrices.
"""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from gossipfl.kernels import vectors
from gossipfl.kernels.vectors import WIDTH, integer


def broadcast_tile(rows, columns, masked):
    """Intrinsic for out[rows, columns vectors] (+)= a[rows, depth] b[depth, columns vectors].

    Its arguments: a (pointer, row stride, column stride), b and out (pointer, row stride), depth,
    left (columns in the last vector, if `masked`), add (whether to add to what is there).
    """

    @intrinsic
    def tile(typing, a, b, out, depth, left, add):
        def generate(context, builder, signature, values):
            a, a_row, a_column = cgutils.unpack_tuple(builder, values[0])
            b, b_row = cgutils.unpack_tuple(builder, values[1])
            out, out_row = cgutils.unpack_tuple(builder, values[2])
            last = vectors.mask(builder, values[4]) if masked else None
            masks = [None] * (columns - 1) + [last]
            sums = _sums(builder, rows * columns)
            lines = [_step(builder, a, a_row, i) for i in range(rows)]
            with cgutils.for_range(builder, values[3]) as loop:
                line = builder.gep(b, [builder.mul(loop.index, b_row)])
                across = _row(builder, line, masks)
                along = builder.mul(loop.index, a_column)
                for i in range(rows):
                    factor = builder.load(builder.gep(lines[i], [along]))
                    factor = vectors.splat(builder, factor)
                    _add_products(builder, [factor] * columns, across, sums[i * columns :])
            starts = [_step(builder, out, out_row, i) for i in range(rows)]
            _finish(builder, values[5], starts, masks, [builder.load(s) for s in sums])
            return context.get_dummy_value()

        return types.void(a, b, out, types.int64, types.int64, types.int64), generate

    return tile


def _finish(builder, add, starts, masks, sums):
    """Store the tile, on top of what is there if `add`."""
    places = [
        (builder.gep(start, [integer(j * WIDTH)]), where)
        for start in starts
        for j, where in enumerate(masks)
    ]
    with builder.if_else(builder.icmp_signed("!=", add, integer(0))) as (then, otherwise):
        with then:
            for (place, where), value in zip(places, sums, strict=True):
                there = vectors.load(builder, place, where, value.type)
                vectors.store(builder, builder.fadd(there, value), place, where)
        with otherwise:
            for (place, where), value in zip(places, sums, strict=True):
                vectors.store(builder, value, place, where)


def dot_tile(rows, columns):
    """Intrinsic for out[rows, columns] (+)= a[rows, depth] times b[columns, depth] transposed.

    Its arguments: a, b and out (pointer, row stride), depth, add.  Columns of a and b lie side by
    side.
    """

    @intrinsic
    def tile(typing, a, b, out, depth, add):
        def generate(context, builder, signature, values):
            (a, a_row), (b, b_row), (out, out_row) = (
                cgutils.unpack_tuple(builder, value) for value in values[:3]
            )
            left = [_step(builder, a, a_row, i) for i in range(rows)]
            right = [_step(builder, b, b_row, j) for j in range(columns)]
            sums = _sums(builder, rows * columns)

            def add_part(start, where):
                x = [vectors.load(builder, builder.gep(p, [start]), where) for p in left]
                y = [vectors.load(builder, builder.gep(p, [start]), where) for p in right]
                for i in range(rows):
                    _add_products(builder, [x[i]] * columns, y, sums[i * columns :])

            whole = builder.sdiv(values[3], integer(WIDTH))
            with cgutils.for_range(builder, whole) as loop:
                add_part(builder.mul(loop.index, integer(WIDTH)), None)
            done = builder.mul(whole, integer(WIDTH))
            rest = builder.sub(values[3], done)
            with builder.if_then(builder.icmp_signed(">", rest, integer(0))):
                add_part(done, vectors.mask(builder, rest))
            found = vectors.lane_sums(builder, [builder.load(s) for s in sums], columns)
            starts = [_step(builder, out, out_row, i) for i in range(rows)]
            _finish(builder, values[4], starts, [None], found)
            return context.get_dummy_value()

        return types.void(a, b, out, types.int64, types.int64), generate

    return tile


def _sums(builder, count):
    return [cgutils.alloca_once_value(builder, vectors.ZEROS) for _ in range(count)]


def _step(builder, pointer, stride, count):
    return builder.gep(pointer, [builder.mul(stride, integer(count))])


def _row(builder, pointer, masks):
    return [
        vectors.load(builder, builder.gep(pointer, [integer(j * WIDTH)]), where)
        for j, where in enumerate(masks)
    ]


def _add_products(builder, x, y, sums):
    for left, right, total in zip(x, y, sums, strict=False):
        builder.store(vectors.multiply_add(builder, left, right, builder.load(total)), total)
