"""A bit stream of sparse entries, each a Rice-coded index gap and its mark, lowest bit first.

Rice coding: R. F. Rice, "Some Practical Universal Noiseless Coding Techniques", JPL 79-22 (1979);
for random supports of up to a tenth of all entries it stays within 2 % of their entropy.

A gap g is the number of entries skipped before an index.  With the parameter r and q = g >> r it is
written as q ones, a zero and the r low bits of g.  From q = ESCAPE on, ESCAPE ones are followed by
all of g in as many bits as the largest index needs: no gap takes more than 48 bits, and escaping
never doubles a gap's cost.

A position counts bits from the start of the stream.  A code and a partly used byte take 57 bits at
most, so that one signed word holds both and every step loads or stores one.
"""

import numba
import numpy as np
from numba.extending import register_jitable

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
    escaped = np.int32(ESCAPE + _bit_length(size - 1))
    shift = np.int32(rice)
    total = np.int64(0)
    previous = np.int32(-1)
    for i in range(indices.size):
        ones = (indices[i] - previous - np.int32(1)) >> shift
        total += ones + np.int32(1) + shift if ones < ESCAPE else escaped
        previous = indices[i]
    return total


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
def write_payload(indices, marks, codes, mark_bits, size, out):
    """Write a whole payload, as compression/packing.py lays it out; return its bytes.

    indices: int32[m], at least one, ascending, below `size`.  marks: uint8[m].  codes: uint8[n].
    out: uint8, with room for a word behind the last byte.
    """
    rice = best_parameter(indices, size)
    byte, count = 0, indices.size
    while count > 0x7F:
        out[byte] = count & 0x7F | 0x80
        count >>= 7
        byte += 1
    out[byte] = count
    out[byte + 1] = rice | (TWO_BITS if mark_bits == 2 else 0)
    end = write_entries(indices, marks, mark_bits, rice, size, 8 * (byte + 2), out)
    return (write_bytes(codes, end, out) + 7) >> 3


@numba.njit
def write_entries(indices, marks, mark_bits, rice, size, position, out):
    """Write gaps and marks; return the position behind them.

    indices: int32[m], ascending, below `size`.  marks: uint8[m] of `mark_bits` bits.  position: a
    multiple of 8.  out: uint8[n], with room for a word behind the last entry.
    """
    width = _bit_length(size - 1)
    byte, held, bits = position >> 3, np.int64(0), np.int64(0)
    previous = np.int64(-1)
    for i in range(indices.size):
        gap = np.int64(indices[i]) - previous - 1
        previous = np.int64(indices[i])
        ones = gap >> rice
        if ones < ESCAPE:
            code = ((1 << ones) - 1) | ((gap & ((1 << rice) - 1)) << (ones + 1))
            taken = ones + 1 + rice
        else:
            code = ((1 << ESCAPE) - 1) | (gap << ESCAPE)
            taken = ESCAPE + width
        bits |= (code | np.int64(marks[i]) << taken) << held
        held += taken + mark_bits
        store_word(out, byte, bits)
        byte += held >> 3
        bits >>= held & ~7
        held &= 7
    return 8 * byte + held


@numba.njit
def read_entries(stream, position, mark_bits, rice, size, indices, marks):
    """Fill indices (int32[m], ascending, below `size`) and marks (uint8[m]); return their end.

    stream: any uint8[n], of which the last word is not part.  rice: 0..WIDTH_MAX.  size:
    1..2**WIDTH_MAX.  Returns -1 where the stream ends early, an index is not below `size`, or a gap
    is escaped that need not be.
    """
    width = _bit_length(size - 1)
    end = 8 * (stream.size - 8)
    index = np.int64(-1)
    for i in range(indices.size):
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
        if index >= size or position > end or (ones >= ESCAPE and gap >> rice < ESCAPE):
            return -1
        indices[i] = index
        marks[i] = (bits >> taken) & ((1 << mark_bits) - 1)
    return position


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
