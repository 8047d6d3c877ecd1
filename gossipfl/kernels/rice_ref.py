"""Reference twins of rice.py: streams as arrays of single bits, one bit at a time."""

import numpy as np

from gossipfl.kernels.rice import ESCAPE


def gap_bits(indices, rice, size):
    return sum(len(_gap_code(gap, rice, size)) for gap in _gaps(indices))


def write_gaps(indices, rice, size, position, out):
    bits = [bit for gap in _gaps(indices) for bit in _gap_code(gap, rice, size)]
    return _write(bits, position, out)


def read_gaps(stream, position, rice, size, out):
    bits = list(np.unpackbits(stream, bitorder="little")[position:])
    total = len(bits)
    index = -1
    try:
        for i in range(out.size):
            index += 1 + _read_gap(bits, rice, size)
            out[i] = index
            if index >= size:
                return -1
    except IndexError:
        return -1
    return position + total - len(bits)


def write_fields(fields, width, position, out):
    return _write([bit for field in fields for bit in _plain(int(field), width)], position, out)


def read_fields(stream, position, width, out):
    end = position + width * out.size
    if end > 8 * stream.size:
        return -1
    bits = np.unpackbits(stream, bitorder="little")[position:end].reshape(out.size, width)
    out[:] = bits @ (1 << np.arange(width))
    return end


def _gaps(indices):
    return [int(gap) for gap in np.diff(indices, prepend=-1) - 1]


def _plain(number, width):
    return [number >> bit & 1 for bit in range(width)]


def _gap_code(gap, rice, size):
    ones = gap >> rice
    if ones >= ESCAPE:
        return [1] * ESCAPE + _plain(gap, (size - 1).bit_length())
    return [1] * ones + [0] + _plain(gap, rice)


def _read_gap(bits, rice, size):
    """Take one gap off the front of `bits`; IndexError where they run out or break a rule."""
    ones = 0
    while ones < ESCAPE and bits.pop(0):
        ones += 1
    escaped = ones == ESCAPE
    low = [bits.pop(0) for _ in range((size - 1).bit_length() if escaped else rice)]
    gap = sum(int(bit) << place for place, bit in enumerate(low)) + (0 if escaped else ones << rice)
    if escaped and gap >> rice < ESCAPE:
        raise IndexError("escaped without need")
    return gap


def _write(bits, position, out):
    places = position + np.flatnonzero(bits)
    np.bitwise_or.at(out, places >> 3, (1 << (places & 7)).astype(np.uint8))
    return position + len(bits)
