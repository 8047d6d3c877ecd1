"""The one pass over a model and its anchor: how they differ, by how much, and where the most.

Nothing but the entries that are large enough is written.  Squares are summed in 32 lanes, in the
order that LLVM gives to `updates.difference` on x86, so that both find the same length.
"""

from typing import Any

import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.calls import COMPILED
from gossipfl.kernels.compaction import MAGNITUDE

if COMPILED:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    from gossipfl.kernels import vectors
    from gossipfl.kernels.compaction import append, pointer
    from gossipfl.kernels.vectors import I64, LANES, WIDTH, integer

    BLOCK = 32
    NEAR = 1024  # entries of both vectors that the nearest cache holds until all are sifted
    _OCTET = 8

    def _sift_register(builder, sources, start, floor, numbers, places, found):
        """Differences at `start`; the places of the large ones are appended."""
        difference = _difference(builder, sources, start, vectors.VECTOR)
        entries, here = builder.bitcast(difference, LANES), builder.load(numbers)
        where = vectors.reaching(builder, entries, floor, MAGNITUDE)
        # Adding is cheaper than spreading `start`.
        builder.store(builder.add(here, ir.Constant(LANES, [WIDTH] * WIDTH)), numbers)
        count = builder.load(found)
        place = builder.gep(places, [count])
        builder.store(append(builder, where, [(here, place)], count), found)
        return difference

    def _difference(builder, sources, place, lanes):
        pointers = (builder.gep(source, [place]) for source in sources)
        return builder.fsub(*(vectors.load(builder, p, lanes=lanes) for p in pointers))

    def _fetch(builder, sources, places, chosen, first, stop):
        """The differences at the places found, `first` to `stop`.

        Packing them with their places takes longer, unless a sixth of all is found.
        """
        with cgutils.for_range_slice(builder, first, stop, integer(1), I64) as (i, _):
            place = builder.zext(builder.load(builder.gep(places, [i])), I64)
            found = _difference(builder, sources, place, vectors.FLOAT)
            builder.store(found, builder.gep(chosen, [i]))

    def _folded(builder, sums):
        """The sum of all lanes: four octets one after the other, then halves of what that gives."""
        pieces = [
            vectors.part(builder, joined, first, _OCTET)
            for joined in [vectors.join(builder, sums)]
            for first in range(0, BLOCK, _OCTET)
        ]
        total = pieces[0]
        for piece in pieces[1:]:
            total = builder.fadd(total, piece)
        for half in (4, 2, 1):
            low, high = (vectors.part(builder, total, first, half) for first in (0, half))
            total = builder.fadd(low, high)
        return builder.extract_element(total, integer(0))

    def _sift_blocks(typing, model, anchor, whole, floor, places, chosen):
        """All of the first `whole` entries, a multiple of BLOCK: (found, sum of squares)."""

        def generate(context, builder, signature, values):
            *sources, places, chosen = (
                pointer(context, builder, signature, values, which) for which in (0, 1, 4, 5)
            )
            found = cgutils.alloca_once_value(builder, integer(0))
            ascending = ir.Constant(LANES, list(range(WIDTH)))
            numbers = cgutils.alloca_once_value(builder, ascending)
            zeros = [vectors.ZEROS] * (BLOCK // WIDTH)
            sums = [cgutils.alloca_once_value(builder, zero) for zero in zeros]
            near = cgutils.for_range_slice(builder, integer(0), values[2], integer(NEAR), I64)
            with near as (start, _):
                before, end = builder.load(found), builder.add(start, integer(NEAR))
                end = builder.select(builder.icmp_signed("<", end, values[2]), end, values[2])
                block = cgutils.for_range_slice(builder, start, end, integer(BLOCK), I64)
                with block as (first, _):
                    for j, total in enumerate(sums):
                        difference = _sift_register(
                            *(builder, sources, builder.add(first, integer(j * WIDTH))),
                            *(values[3], numbers, places, found),
                        )
                        square = builder.fmul(difference, difference)
                        builder.store(builder.fadd(builder.load(total), square), total)
                _fetch(builder, sources, places, chosen, before, builder.load(found))
            folded = _folded(builder, [builder.load(total) for total in sums])
            result = signature.return_type
            return context.make_tuple(builder, result, [builder.load(found), folded])

        result = types.Tuple((types.int64, types.float32))
        return result(model, anchor, types.int64, types.int32, places, chosen), generate

    _sift: Any = intrinsic(_sift_blocks)
else:
    BLOCK = 1 << 62  # no vector fills a block: everything is part of the rest

    def _sift(model, anchor, whole, floor, places, chosen):
        return 0, np.float32(0)


@register_jitable
def sift(model, anchor, floor, places, chosen, picked):
    """Find the entries of model - anchor from `floor` on: how many, and the sum of all squares.

    model, anchor: float32[d].  floor: bit pattern of a magnitude, at least 1.  places: int32[d] and
    chosen: float32[d] begin with the ascending indices and the differences found.  picked: chosen
    as int32[d].
    """
    floor = np.int32(floor)
    whole = model.size - model.size % BLOCK
    found, total = _sift(model, anchor, whole, floor, places, chosen)
    for i in range(whole, model.size):
        places[found], chosen[found] = i, model[i] - anchor[i]
        if picked[found] & MAGNITUDE >= floor:
            found += 1
    return found, _add_squares(model, anchor, whole, total)


@register_jitable
def _add_squares(model, anchor, start, total):
    """The sum with those from `start` on, in four lanes as long as four are left."""
    first, second, third, fourth = total, np.float32(0), np.float32(0), np.float32(0)
    fours = start + ((model.size - start) & ~3)
    for i in range(start, fours, 4):
        first += _square(model, anchor, i)
        second += _square(model, anchor, i + 1)
        third += _square(model, anchor, i + 2)
        fourth += _square(model, anchor, i + 3)
    total = (first + third) + (second + fourth)
    for i in range(fours, model.size):
        total += _square(model, anchor, i)
    return total


@register_jitable
def _square(model, anchor, i):
    difference = model[i] - anchor[i]
    return difference * difference
