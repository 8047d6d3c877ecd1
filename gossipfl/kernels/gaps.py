"""Gaps between ascending indices, a register of them at a time: what they cost, and their codes.

A gap is the number of entries skipped before an index; rice.py says what its code is.  A *short*
entry is one whose code and mark take up to SHORT_BITS, so it is not escaped: nearly all are short.
It is held in an int32: its bits from the lowest on, and above them how many they are.  Of an entry
that is not short, the gap's complement is held, which is negative.
"""

from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.calls import COMPILED

SHORT_BITS = 25
SHORT = (1 << SHORT_BITS) - 1

if COMPILED:
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    from gossipfl.kernels import vectors
    from gossipfl.kernels.compaction import pointer
    from gossipfl.kernels.vectors import I32, LANES, WIDTH, integer

    _BYTES = ir.VectorType(ir.IntType(8), WIDTH)

    def _constant(number):
        return ir.Constant(LANES, [number] * WIDTH)

    def _in_every_lane(builder, number):
        return vectors.splat(builder, builder.trunc(number, I32), LANES)

    def _gaps(builder, indices, start):
        """Those before the indices of the register at `start`, which is not the first index."""
        found, previous = (
            vectors.load(builder, builder.gep(indices, [place]), lanes=LANES)
            for place in (start, builder.sub(start, integer(1)))
        )
        return builder.sub(builder.sub(found, previous), _constant(1))

    def _registers(builder, whole):
        """A loop over the starts of registers that hold entries 1..whole."""
        return cgutils.for_range_slice(
            builder, integer(1), builder.add(whole, integer(1)), integer(WIDTH), integer(1).type
        )

    def _sum_ones(typing, indices, whole, rice, escape, escaped):
        """The sum of gap >> rice over entries 1..whole; `escaped` for what reaches `escape`."""

        def generate(context, builder, signature, values):
            indices = pointer(context, builder, signature, values, 0)
            rice, escape, escaped = (_in_every_lane(builder, value) for value in values[2:])
            total = cgutils.alloca_once_value(builder, _constant(0))
            with _registers(builder, values[1]) as (start, _):
                ones = builder.lshr(_gaps(builder, indices, start), rice)
                is_plain = builder.icmp_signed("<", ones, escape)
                counted = builder.select(is_plain, ones, escaped)
                builder.store(builder.add(builder.load(total), counted), total)
            return builder.sext(vectors.sum_of(builder, builder.load(total)), integer(0).type)

        return types.int64(indices, *[types.int64] * 4), generate

    def _hold_entries(typing, indices, marks, whole, rice, mark_bits, held):
        """Hold entries 1..whole."""

        def generate(context, builder, signature, values):
            indices, marks, held = (
                pointer(context, builder, signature, values, which) for which in (0, 1, 5)
            )
            rice, mark_bits = (_in_every_lane(builder, value) for value in values[3:5])
            low_bits = builder.sub(builder.shl(_constant(1), rice), _constant(1))
            with _registers(builder, values[2]) as (start, _):
                gaps = _gaps(builder, indices, start)
                ones = builder.lshr(gaps, rice)
                coded = builder.add(builder.add(ones, rice), _constant(1))
                bits = builder.add(coded, mark_bits)
                is_short = builder.icmp_unsigned("<=", bits, _constant(SHORT_BITS))
                # Shifts by 32 and more give anything, but only where the entry is not short.
                unary = builder.sub(builder.shl(_constant(1), ones), _constant(1))
                low = builder.shl(builder.and_(gaps, low_bits), builder.add(ones, _constant(1)))
                place = builder.bitcast(builder.gep(marks, [start]), _BYTES.as_pointer())
                mark = builder.load(place)
                mark.align = 1
                mark = builder.shl(builder.zext(mark, LANES), coded)
                number = builder.shl(bits, _constant(SHORT_BITS))
                short = builder.or_(builder.or_(unary, low), builder.or_(mark, number))
                chosen = builder.select(is_short, short, builder.not_(gaps))
                vectors.store(builder, chosen, builder.gep(held, [start]))
            return context.get_dummy_value()

        numbers = types.int64, types.int64, types.int64
        return types.void(indices, marks, *numbers, held), generate

    _ones: Any = intrinsic(_sum_ones)
    _hold: Any = intrinsic(_hold_entries)
else:
    WIDTH = 1 << 62  # no vector fills a register: everything is part of the rest

    def _ones(indices, whole, rice, escape, escaped):
        return 0

    def _hold(indices, marks, whole, rice, mark_bits, held):
        pass


@register_jitable
def _whole(size):
    """How many entries behind the first fill whole registers."""
    return (size - 1) - (size - 1) % WIDTH


@numba.njit
def sum_ones(indices, rice, escape, escaped):
    """The sum of gap >> rice for all indices (int32[m], m at least 1, ascending, 24 bits).

    What reaches `escape` counts as `escaped`.
    """
    whole = _whole(indices.size)
    total = _ones(indices, whole, rice, escape, escaped)
    first = np.int64(indices[0]) >> rice
    total += first if first < escape else escaped
    for i in range(1 + whole, indices.size):
        ones = (np.int64(indices[i]) - np.int64(indices[i - 1]) - 1) >> rice
        total += ones if ones < escape else escaped
    return total


@numba.njit
def hold(indices, marks, mark_bits, rice, held):
    """Hold all entries in `held`, int32[m].

    indices: int32[m], m at least 1, ascending, 24 bits.  marks: uint8[m], of `mark_bits` bits.
    """
    whole = _whole(indices.size)
    _hold(indices, marks, whole, rice, mark_bits, held)
    held[0] = _held(np.int64(indices[0]), np.int64(marks[0]), rice, mark_bits)
    for i in range(1 + whole, indices.size):
        gap = np.int64(indices[i]) - np.int64(indices[i - 1]) - 1
        held[i] = _held(gap, np.int64(marks[i]), rice, mark_bits)


@register_jitable
def _held(gap, mark, rice, mark_bits):
    ones = gap >> rice
    coded = ones + 1 + rice
    bits = coded + mark_bits
    if bits > SHORT_BITS:
        return ~gap
    low = (gap & ((1 << rice) - 1)) << (ones + 1)
    return ((1 << ones) - 1) | low | mark << coded | bits << SHORT_BITS
