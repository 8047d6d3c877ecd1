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
    from gossipfl.kernels.vectors import LANES, WIDTH, integer

    BLOCK = 32
    _OCTET = 8

    def _sift_register(builder, sources, start, floor, numbers, targets, found):
        """Differences at `start`, of which the large ones are appended, with their places."""
        model, anchor = (vectors.load(builder, builder.gep(p, [start])) for p in sources)
        difference = builder.fsub(model, anchor)
        entries = builder.bitcast(difference, LANES)
        where = vectors.reaching(builder, entries, floor, MAGNITUDE)
        packed, count = (builder.load(numbers), entries), builder.load(found)
        # Adding is cheaper than spreading `start`.
        builder.store(builder.add(packed[0], ir.Constant(LANES, [WIDTH] * WIDTH)), numbers)
        places = [builder.gep(target, [count]) for target in targets]
        builder.store(append(builder, where, zip(packed, places, strict=True), count), found)
        return difference

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
            model, anchor, places, chosen = (
                pointer(context, builder, signature, values, which) for which in (0, 1, 4, 5)
            )
            found = cgutils.alloca_once_value(builder, integer(0))
            ascending = ir.Constant(LANES, list(range(WIDTH)))
            numbers = cgutils.alloca_once_value(builder, ascending)
            zeros = [vectors.ZEROS] * (BLOCK // WIDTH)
            sums = [cgutils.alloca_once_value(builder, zero) for zero in zeros]
            with cgutils.for_range(builder, builder.udiv(values[2], integer(BLOCK))) as loop:
                first = builder.mul(loop.index, integer(BLOCK))
                for j, total in enumerate(sums):
                    start = builder.add(first, integer(j * WIDTH))
                    difference = _sift_register(
                        builder, (model, anchor), start, values[3], numbers, (places, chosen), found
                    )
                    square = builder.fmul(difference, difference)
                    builder.store(builder.fadd(builder.load(total), square), total)
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
