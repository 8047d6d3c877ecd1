"""Entries of a vector that are large enough, moved together: the inner loops of selection.

A register is compared, packed and stored whole, and the next one overwrites what was too much: the
cost hardly depends on how many are taken, and nothing is stored behind what has been read.
Entries are the bit patterns (int32) of float32; `floor` is that of a magnitude, at least 1.
"""

from typing import Any

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.calls import COMPILED

MAGNITUDE = np.int32(0x7FFFFFFF)  # everything but the sign

if COMPILED:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    from gossipfl.kernels import vectors
    from gossipfl.kernels.vectors import FLOAT, I64, LANES, WIDTH, integer

    def pointer(context, builder, signature, values, which):
        """Where the entries of the array argument `which` are."""
        return context.make_array(signature.args[which])(context, builder, values[which]).data

    def _pointer(context, builder, signature, values, which, offset):
        return builder.gep(pointer(context, builder, signature, values, which), [offset])

    def append(builder, where, packed, found):
        """Store the lanes `where` of each vector at its pointer; returns found plus their number.

        AVX-512 packs in two cycles; others lane by lane, which they need not for no lane at all.
        """
        count = vectors.how_many(builder, where)
        with vectors.if_worthwhile(builder, count):
            for vector, place in packed:
                vectors.store(builder, vectors.pack(builder, vector, where), place)
        return builder.add(found, count)

    def _keep_register(typing, start, floor, places, chosen, found):
        """Append the large ones of the taken entries at `start`, and their places, in place."""

        def generate(context, builder, signature, values):
            start, floor, _, _, found = values
            sources, targets = (
                [_pointer(context, builder, signature, values, which, at) for which in (2, 3)]
                for at in (start, found)
            )
            numbers, entries = (vectors.load(builder, s, lanes=LANES) for s in sources)
            where = vectors.reaching(builder, entries, floor, MAGNITUDE)
            return append(builder, where, zip((numbers, entries), targets, strict=True), found)

        return types.int64(types.int64, types.int32, places, chosen, types.int64), generate

    def _count(typing, bits, size, floor):
        """Counted in lanes: a loop of Numba's LLVM would widen, to half the speed."""

        def generate(context, builder, signature, values):
            entries, (_, size, floor) = pointer(context, builder, signature, values, 0), values
            total = cgutils.alloca_once_value(builder, ir.Constant(LANES, [0] * WIDTH))

            def add_register(start, inside):
                place = builder.bitcast(builder.gep(entries, [start]), FLOAT.as_pointer())
                found = builder.bitcast(vectors.load(builder, place, inside), LANES)
                where = vectors.reaching(builder, found, floor, MAGNITUDE)
                counted = builder.zext(where, LANES)
                builder.store(builder.add(builder.load(total), counted), total)

            whole = builder.and_(size, integer(-WIDTH))
            registers = cgutils.for_range_slice(builder, integer(0), whole, integer(WIDTH), I64)
            with registers as (start, _):
                add_register(start, None)
            add_register(whole, vectors.mask(builder, builder.sub(size, whole)))
            return builder.zext(vectors.sum_of(builder, builder.load(total)), I64)

        return types.int64(bits, types.int64, types.int32), generate

    _keep: Any = intrinsic(_keep_register)
    count: Any = intrinsic(_count)
else:
    WIDTH = 1 << 62  # no vector fills a register: everything is part of the rest

    def count(bits, size, floor):
        """How many of the first `size` entries reach `floor`."""
        return int(np.count_nonzero((bits[:size] & MAGNITUDE) >= floor))


@register_jitable
def keep(size, floor, places, chosen):
    """Drop those of `size` taken entries that are below `floor`; returns how many are left."""
    found, floor = 0, np.int32(floor)
    whole = size - size % WIDTH
    for i in range(0, whole, WIDTH):
        found = _keep(i, floor, places, chosen, found)
    for i in range(whole, size):
        if chosen[i] & MAGNITUDE >= floor:
            places[found], chosen[found] = places[i], chosen[i]
            found += 1
    return found
