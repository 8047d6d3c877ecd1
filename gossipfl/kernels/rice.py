"""A bit stream of sparse entries, each a Rice-coded index gap and its mark, lowest bit first.

Rice coding: R. F. Rice, "Some Practical Universal Noiseless Coding Techniques", JPL 79-22 (1979);
for random supports of up to a tenth of all entries it stays within 2 % of their entropy.

A gap g is the number of entries skipped before an index.  With the parameter r and q = g >> r it is
written as q ones, a zero and the r low bits of g.  From q = ESCAPE on, ESCAPE ones are followed by
all of g in as many bits as the largest index needs: no gap takes more than 48 bits, and escaping
never doubles a gap's cost.

A position counts bits from the start of the stream.  A code and a partly used byte take 57 bits at
most, so that one signed word holds both.  Four entries at a time are put together before they are
stored, and taken out of one load, where a word has room for all of them: nearly always.
"""

import numba
import numpy as np
from numba.extending import register_jitable

from gossipfl.kernels.gaps import SHORT, SHORT_BITS, hold, sum_ones
from gossipfl.kernels.rice_ref import (
    COUNT_BYTES,
    COUNT_ENDLESS,
    COUNT_LARGE,
    COUNT_PADDED,
    ENDS_EARLY,
    ESCAPE,
    PADDED_WITH_ONES,
    SHAPE_MAX,
    SHAPE_UNKNOWN,
    STREAM_BROKEN,
    TOO_MANY_BYTES,
    TWO_BITS,
    WIDTH_MAX,
)
from gossipfl.kernels.words import WORD_BYTES, load_word, store_word, trailing_ones

FREE_BITS = 56  # of a signed word, behind a partly used byte
SURE_BITS = 57  # of a word that starts at any bit of its first byte
SURE = (1 << SURE_BITS) - 1


@register_jitable
def _bit_length(number):
    """Bits that a non-negative integer needs."""
    bits = 0
    while number >> bits:
        bits += 1
    return bits


@numba.njit
def gap_bits(indices, rice, size):
    """Exact cost, in bits, of the gaps of ascending indices (int32[m], below `size`)."""
    rest = 1 + rice  # bits of a gap beside its ones
    escaped = ESCAPE + _bit_length(size - 1) - rest
    ones = sum_ones(indices, np.int64(rice), np.int64(ESCAPE), np.int64(escaped))
    return ones + indices.size * rest


@numba.njit
def best_parameter(indices, size):
    """The parameter that makes the gaps short: downhill from a likely one, the lower of equals."""
    # 0.69 = ln 2: what suits the mean of exponentially distributed gaps.
    best = max(0, _bit_length(np.int64(0.69 * size / indices.size)) - 1)
    least = gap_bits(indices, best, size)
    for step in (-1, 1):
        while 0 <= best + step <= WIDTH_MAX:
            bits = gap_bits(indices, best + step, size)
            if bits > least or (bits == least and step > 0):
                break
            best, least = best + step, bits
    return best


@numba.njit
def write_payload(indices, marks, codes, mark_bits, size, held, out):
    """Write a whole payload, as compression/packing.py lays it out; return its bytes.

    indices: int32[m], at least one, ascending, below `size`.  marks: uint8[m].  codes: uint8[n].
    held: int32[m], scratch.  out: uint8, with room for a word behind the last byte.
    """
    rice = best_parameter(indices, size)
    byte, count = 0, indices.size
    while count > 0x7F:
        out[byte] = count & 0x7F | 0x80
        count >>= 7
        byte += 1
    out[byte] = count
    out[byte + 1] = rice | (TWO_BITS if mark_bits == 2 else 0)
    hold(indices, marks, np.int64(mark_bits), np.int64(rice), held)
    end = write_entries(held, marks, mark_bits, rice, size, 8 * (byte + 2), out)
    return (write_bytes(codes, end, out) + 7) >> 3


@numba.njit
def write_entries(held, marks, mark_bits, rice, size, position, out):
    """Write entries as `gaps.hold` holds them; return the position behind them.

    held: int32[m].  marks: uint8[m] of `mark_bits` bits.  position: a multiple of 8.  out:
    uint8[n], with room for a word behind the last entry.
    """
    shape = np.int64(rice), np.int64(_bit_length(size - 1)), np.int64(mark_bits)
    state = position >> 3, np.int64(0), np.int64(0)
    fours = held.size & ~3
    for i in range(0, fours, 4):
        a, b = np.int64(held[i]), np.int64(held[i + 1])
        c, d = np.int64(held[i + 2]), np.int64(held[i + 3])
        ab_bits = (a >> SHORT_BITS) + (b >> SHORT_BITS)
        bits = ab_bits + (c >> SHORT_BITS) + (d >> SHORT_BITS)
        if (a | b | c | d) >= 0 and bits <= FREE_BITS:
            ab = (a & SHORT) | (b & SHORT) << (a >> SHORT_BITS)
            cd = (c & SHORT) | (d & SHORT) << (c >> SHORT_BITS)
            state = _put(ab | cd << ab_bits, bits, state, out)
        else:
            for j in range(i, i + 4):
                state = _put_one(held[j], marks[j], shape, state, out)
    for i in range(fours, held.size):
        state = _put_one(held[i], marks[i], shape, state, out)
    return 8 * state[0] + state[1]


@register_jitable
def _put_one(entry, mark, shape, state, out):
    """Append one entry, short or not."""
    rice, width, mark_bits = shape
    if entry >= 0:
        return _put(np.int64(entry) & SHORT, np.int64(entry) >> SHORT_BITS, state, out)
    gap = ~np.int64(entry)
    ones = gap >> rice
    if ones < ESCAPE:
        code = ((1 << ones) - 1) | ((gap & ((1 << rice) - 1)) << (ones + 1))
        taken = ones + 1 + rice
    else:
        code = ((1 << ESCAPE) - 1) | (gap << ESCAPE)
        taken = ESCAPE + width
    return _put(code | np.int64(mark) << taken, taken + mark_bits, state, out)


@register_jitable
def _put(code, code_bits, state, out):
    """Append up to FREE_BITS to the stream; state: its whole bytes, the bits behind, and those."""
    byte, held, bits = state
    bits |= code << held
    held += code_bits
    store_word(out, byte, bits)
    return byte + (held >> 3), held & 7, bits >> (held & ~7)


@numba.njit
def read_entries(stream, position, mark_bits, rice, size, indices, marks):
    """Fill indices (int32[m], ascending, below `size`) and marks (uint8[m]); return their end.

    stream: any uint8[n], of which the last word is not part.  rice: 0..WIDTH_MAX.  size:
    1..2**WIDTH_MAX.  Returns -1 where the stream ends early, an index is not below `size`, or a gap
    is escaped that need not be.
    """
    shape = rice, mark_bits, size
    start, index, place = np.int64(0), np.int64(-1), position  # as in `quantise`
    while start < indices.size:
        start, index, place = _read_fours(stream, place, shape, index, start, indices, marks)
        stop = min(start + 4, indices.size)
        index, place = _read_each(stream, place, shape, index, start, stop, indices, marks)
        if place < 0:
            break
        start = stop
    return place


@numba.njit
def _read_fours(stream, position, shape, index, start, indices, marks):
    """Read entries from `start` on, four from a word: how far, the last index, and the position.

    Ends before four that do not fit in a word, or one of which is escaped or not legal: then each
    has to be looked at.
    """
    rice, mark_bits, size = shape
    end, fixed = _end(stream), 4 * (1 + rice + mark_bits)
    while start + 4 <= indices.size:
        # Turned over, for then what shifts bring in from above ends every row of ones.
        word = ~(load_word(stream, position >> 3) >> (position & 7)) | ~SURE
        a_ones, a, a_mark, word = _split(word, rice, mark_bits)
        b_ones, b, b_mark, word = _split(word, rice, mark_bits)
        c_ones, c, c_mark, word = _split(word, rice, mark_bits)
        d_ones, d, d_mark, word = _split(word, rice, mark_bits)
        # What lies behind the word reads as zeros, so entries that go on there end behind it.
        taken = a_ones + b_ones + c_ones + d_ones + fixed
        a += index + 1
        b += a + 1
        c += b + 1
        d += c + 1
        if taken > SURE_BITS or position + taken > end or d >= size:
            break
        if max(max(a_ones, b_ones), max(c_ones, d_ones)) >= ESCAPE:
            break
        indices[start], indices[start + 1] = a, b
        indices[start + 2], indices[start + 3] = c, d
        marks[start], marks[start + 1] = a_mark, b_mark
        marks[start + 2], marks[start + 3] = c_mark, d_mark
        start, index, position = start + 4, d, position + taken
    return start, index, position


@register_jitable
def _split(word, rice, mark_bits):
    """(ones, gap, mark, the rest) of a word that an entry begins, if that is not escaped.

    All bits of the word are turned over, and of the rest as well.
    """
    ones = trailing_ones(~word)
    word >>= ones
    gap = (ones << rice) | (~(word >> 1) & ((1 << rice) - 1))
    mark = ~(word >> (1 + rice)) & ((1 << mark_bits) - 1)
    return ones, gap, mark, word >> (1 + rice + mark_bits)


@numba.njit
def _read_each(stream, position, shape, index, start, stop, indices, marks):
    """Entries start..stop behind `index`: the last index, and where they end, or -1."""
    rice, mark_bits, size = shape
    width = _bit_length(size - 1)
    for i in range(start, stop):
        bits = load_word(stream, position >> 3) >> (position & 7)
        ones = trailing_ones(bits)
        if ones < ESCAPE:
            gap = (ones << rice) | ((bits >> (ones + 1)) & ((1 << rice) - 1))
            taken = ones + 1 + rice
        else:
            gap = (bits >> ESCAPE) & ((1 << width) - 1)
            taken = ESCAPE + width
        position += taken + mark_bits
        index += gap + 1
        needless = ones >= ESCAPE and gap >> rice < ESCAPE
        if index >= size or position > _end(stream) or needless:
            return index, -1
        indices[i] = index
        marks[i] = (bits >> taken) & ((1 << mark_bits) - 1)
    return index, position


@register_jitable
def _end(stream):
    """The position behind the last bit of a stream."""
    return 8 * (stream.size - WORD_BYTES)


@numba.njit
def read_payload(stream, size, indices, marks, codes):
    """The reverse of write_payload: (entries, codes), the first negative if there are none.

    Total: every uint8[n] with a word behind it, which is not part of the payload, is either what
    `write_payload` makes of some entries, but perhaps for the Rice parameter, or refused.  Whether
    there is one code a group is left to whoever knows the groups.
    indices: int32[size].  marks: uint8[size].  codes: uint8[as many as there can be].
    """
    length = stream.size - WORD_BYTES
    count, byte = _read_count(stream, length)
    if count < 0:
        return count, 0
    if count > size:
        return COUNT_LARGE, 0
    if count == 0:
        return (0 if byte == length else TOO_MANY_BYTES), 0
    if byte >= length:
        return ENDS_EARLY, 0
    shape = _signed(stream[byte])
    parameter, bits = shape & 0x1F, 1 + ((shape & TWO_BITS) >> 5)
    if shape > SHAPE_MAX or parameter > WIDTH_MAX:
        return SHAPE_UNKNOWN, 0
    entries = indices[:count], marks[:count]
    position = read_entries(stream, 8 * byte + 8, bits, parameter, size, entries[0], entries[1])
    return _read_codes(stream, position, codes, count)


@register_jitable
def _signed(byte):
    """An int64; where nothing is compiled an int, which words of streams need to be."""
    return int(np.int64(byte))


@numba.njit
def _read_codes(stream, position, codes, count):
    """What is behind the entries: whole bytes of codes, and zeros up to the last byte's end."""
    if position < 0:
        return STREAM_BROKEN, 0
    length = stream.size - WORD_BYTES
    groups = (8 * length - position) >> 3
    if groups > codes.size:
        return TOO_MANY_BYTES, 0
    read_bytes(stream, position, codes[:groups])
    if position & 7 and stream[length - 1] >> (position & 7):
        return PADDED_WITH_ONES, 0
    return count, groups


@numba.njit
def _read_count(stream, length):
    """The number that a payload starts with, and where it ends."""
    number = 0
    for place in range(min(length, COUNT_BYTES)):
        byte = _signed(stream[place])
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return (number, place + 1) if byte or not place else (COUNT_PADDED, 0)
    return COUNT_ENDLESS, 0


@numba.njit
def write_bytes(values, position, out):
    """Write uint8[m] at `position`, with zeros up to its byte's end; return the position behind.

    out: uint8[n], with room for a word behind the last one.
    """
    byte, shift = position >> 3, position & 7
    held = np.int64(out[byte]) & ((1 << shift) - 1)
    store_word(out, byte, held)
    for value in values:
        held |= np.int64(value) << shift
        store_word(out, byte, held)
        held >>= 8
        byte += 1
    return position + 8 * values.size


@numba.njit
def read_bytes(stream, position, out):
    """Fill out (uint8[m]) from `position` on, all of which must lie before the last word."""
    for i in range(out.size):
        out[i] = (load_word(stream, (position >> 3) + i) >> (position & 7)) & 255
