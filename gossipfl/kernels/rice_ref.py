"""NumPy twin of rice.py, which describes the code; reading goes code by code in Python."""

import numpy as np

ESCAPE = 24  # ones in a row that announce a plain gap
WIDTH_MAX = 24  # bits of an index: at most ESCAPE, or an escape might cost more than twice the ones
_WINDOW = 8  # bytes that hold any code: 48 bits, and up to 7 before them


def gap_bits(indices, rice, size):
    """Exact cost, in bits, of writing ascending indices (int64[m], below `size`) with `rice`."""
    return int(_gap_codes(indices, rice, size)[1].sum())


def write_gaps(indices, rice, size, position, out):
    """Write ascending indices at `position` of `out` (zeroed uint8); return the position behind."""
    codes, lengths = _gap_codes(indices, rice, size)
    return _write(codes, lengths, position, out)


def read_gaps(stream, position, rice, size, out):
    """Fill `out` (int64[m]) with ascending indices below `size`; return the position behind them.

    Returns -1 where the stream ends early, an index is not below `size`, or a gap is escaped that
    need not be.
    """
    content, width, index = stream.tobytes(), (size - 1).bit_length(), -1
    for i in range(out.size):
        ones, gap, taken = _gap_at(content, position, rice, width)
        index, position = index + gap + 1, position + taken
        if index >= size or position > 8 * stream.size or gap >> rice < ones:
            return -1
        out[i] = index
    return position


def write_fields(fields, width, position, out):
    """Write each of `fields` (uint8[m]) in `width` bits, 1..8; return the position behind them."""
    return _write(fields, np.full(fields.size, width), position, out)


def read_fields(stream, position, width, out):
    """Fill `out` (uint8[m]) with fields of `width` bits, 1..8; return their end, or -1."""
    end = position + width * out.size
    if end > 8 * stream.size:
        return -1
    first = position >> 3
    bits = np.unpackbits(stream[first : (end + 7) >> 3], bitorder="little")
    fields = bits[position - 8 * first :][: width * out.size].reshape(out.size, width)
    out[:] = fields @ (1 << np.arange(width))
    return end


def _gap_codes(indices, rice, size):
    """(codes, bits of each): what the gaps between the indices are written as, lowest bit first."""
    gaps = np.diff(indices, prepend=-1) - 1
    ones = gaps >> rice
    short = ones < ESCAPE
    units = (np.int64(1) << np.minimum(ones, ESCAPE)) - 1
    low = (gaps & ((1 << rice) - 1)) << (np.minimum(ones, ESCAPE) + 1)
    codes = units | np.where(short, low, gaps << ESCAPE)
    return codes, np.where(short, ones + 1 + rice, ESCAPE + int(size - 1).bit_length())


def _gap_at(content, position, rice, width):
    """(ones, gap, bits taken) of the code at `position`; zeros follow the end of the stream."""
    byte = position >> 3
    bits = int.from_bytes(content[byte : byte + _WINDOW], "little") >> (position & 7)
    ones = (~bits & (bits + 1)).bit_length() - 1
    if ones >= ESCAPE:
        return ESCAPE, (bits >> ESCAPE) & ((1 << width) - 1), ESCAPE + width
    low = (bits >> (ones + 1)) & ((1 << rice) - 1)
    return ones, (ones << rice) | low, ones + 1 + rice


def _write(codes, lengths, position, out):
    """Set the bits of all codes, one behind the other; returns the position behind them."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if ends.size else 0
    code = np.repeat(np.arange(len(codes)), lengths)
    place = np.arange(total)
    ones = (codes[code] >> (place - (ends - lengths)[code])) & 1
    places = position + np.flatnonzero(ones)
    np.bitwise_or.at(out, places >> 3, (1 << (places & 7)).astype(np.uint8))
    return position + total
