"""A bit stream of Rice-coded index gaps and of fixed-width fields, lowest bit first.

Rice coding: R. F. Rice, "Some Practical Universal Noiseless Coding Techniques", JPL 79-22 (1979);
for random supports of up to a tenth of all entries it stays within 2 % of their entropy.

A gap g is the number of entries skipped before an index.  With the parameter r and q = g >> r it is
written as q ones, a zero and the r low bits of g.  From q = ESCAPE on, ESCAPE ones are followed by
all of g in as many bits as the largest index needs: no gap takes more than 48 bits, and escaping
never doubles a gap's cost.

A position counts bits from the start of the stream.  Everything fits into int64, since a gap and a
partly used byte take 55 bits at most, so no unsigned arithmetic is needed.
"""

import numba
import numpy as np

from gossipfl.kernels.rice_ref import ESCAPE

_TRAILING_ONES = np.array([(~byte & (byte + 1)).bit_length() - 1 for byte in range(256)])


@numba.njit(nogil=True, cache=True)
def bit_length(number):
    """Bits that a non-negative integer needs."""
    bits = 0
    while number >> bits:
        bits += 1
    return bits


@numba.njit(nogil=True, cache=True)
def gap_bits(indices, rice, size):
    """Exact cost, in bits, of writing ascending indices (int64[m], below `size`) with `rice`."""
    width = bit_length(size - 1)
    total = 0
    previous = -1
    for index in indices:
        ones = (index - previous - 1) >> rice
        total += ones + 1 + rice if ones < ESCAPE else ESCAPE + width
        previous = index
    return total


@numba.njit(nogil=True, cache=True)
def write_gaps(indices, rice, size, position, out):
    """Write ascending indices at `position` of `out` (zeroed uint8); return the position behind."""
    width = bit_length(size - 1)
    previous = -1
    for index in indices:
        gap = index - previous - 1
        ones = gap >> rice
        if ones < ESCAPE:
            low = gap & ((1 << rice) - 1)
            _put(((1 << ones) - 1) | (low << (ones + 1)), position, out)
            position += ones + 1 + rice
        else:
            _put(((1 << ESCAPE) - 1) | (gap << ESCAPE), position, out)
            position += ESCAPE + width
        previous = index
    return position


@numba.njit(nogil=True, cache=True)
def read_gaps(stream, position, rice, size, out):
    """Fill `out` (int64[m]) with ascending indices below `size`; return the position behind them.

    stream: any uint8[n].  rice: 0..24.  size: 1..2**24.  Returns -1 where the stream
    ends early, an index is not below `size`, or a gap is escaped that need not be.
    """
    width = bit_length(size - 1)
    bits, held, byte = _start(stream, position)
    index = -1
    for i in range(out.size):
        bits, held, byte = _refill(stream, bits, held, byte)
        ones = _trailing_ones(bits)
        if ones < ESCAPE:
            taken = ones + 1 + rice
            gap = (ones << rice) | ((bits >> (ones + 1)) & ((1 << rice) - 1))
        else:
            taken = ESCAPE + width
            gap = (bits >> ESCAPE) & ((1 << width) - 1)
        bits >>= taken
        held -= taken
        index += gap + 1
        if index >= size or 8 * byte - held > 8 * stream.size or gap >> rice < ones:
            return -1
        out[i] = index
    return 8 * byte - held


@numba.njit(nogil=True, cache=True)
def write_fields(fields, width, position, out):
    """Write each of `fields` (uint8[m]) in `width` bits, 1..8; return the position behind them."""
    for field in fields:
        _put(field, position, out)
        position += width
    return position


@numba.njit(nogil=True, cache=True)
def read_fields(stream, position, width, out):
    """Fill `out` (uint8[m]) with fields of `width` bits, 1..8; return their end, or -1."""
    end = position + width * out.size
    if end > 8 * stream.size:
        return -1
    bits, held, byte = _start(stream, position)
    for i in range(out.size):
        bits, held, byte = _refill(stream, bits, held, byte)
        out[i] = bits & ((1 << width) - 1)
        bits >>= width
        held -= width
    return end


@numba.njit(nogil=True, cache=True)
def _put(bits, position, out):
    """Set the bits of a number below 2**48 from `position` on, where bytes are still zero."""
    byte = position >> 3
    bits = np.int64(bits) << (position & 7)
    while bits:
        out[byte] |= bits & 255
        bits >>= 8
        byte += 1


@numba.njit(nogil=True, cache=True)
def _start(stream, position):
    """Bits held from `position` on, their number, and the next byte to read."""
    bits, held, byte = _refill(stream, np.int64(0), 0, position >> 3)
    return bits >> (position & 7), held - (position & 7), byte


@numba.njit(nogil=True, cache=True)
def _refill(stream, bits, held, byte):
    """Hold 49 to 56 bits; zeros follow the end of the stream."""
    while held <= 48:
        if byte < stream.size:
            bits |= np.int64(stream[byte]) << held
        byte += 1
        held += 8
    return bits, held, byte


@numba.njit(nogil=True, cache=True)
def _trailing_ones(bits):
    """Ones before the lowest zero, ESCAPE at most."""
    ones = _TRAILING_ONES[bits & 255]
    if ones == 8:
        while ones < ESCAPE and (bits >> ones) & 1:
            ones += 1
    return ones
