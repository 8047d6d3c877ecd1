"""NumPy twin of rice.py, which describes the code; reading goes entry by entry in Python."""

import numpy as np

ESCAPE = 24  # ones in a row that announce a plain gap
WIDTH_MAX = 24  # bits of an index: at most ESCAPE, or an escape might cost more than twice the ones
TWO_BITS = 0x20  # beside the parameter: marks have two bits
WORD_BYTES = 8  # hold any entry: 50 bits, and up to 7 before them
SHAPE_MAX = TWO_BITS | 0x1F  # of the byte that holds both
COUNT_BYTES = 4  # of a number of entries, at most

# What `read_payload` may find instead of entries.
COUNT_ENDLESS, COUNT_PADDED, COUNT_LARGE, ENDS_EARLY = -1, -2, -3, -4
SHAPE_UNKNOWN, STREAM_BROKEN, TOO_MANY_BYTES, PADDED_WITH_ONES = -5, -6, -7, -8


def gap_bits(indices, rice, size):
    """Exact cost, in bits, of the gaps of ascending indices (int32[m], below `size`)."""
    return int(_gap_codes(indices, rice, size)[1].sum())


def best_parameter(indices, size):
    """The parameter that makes the gaps short: downhill from a likely one, the lower of equals."""
    # 0.69 = ln 2: what suits the mean of exponentially distributed gaps.
    best = max(0, int(0.69 * size / indices.size).bit_length() - 1)
    least = gap_bits(indices, best, size)
    for step in (-1, 1):
        while 0 <= best + step <= WIDTH_MAX:
            bits = gap_bits(indices, best + step, size)
            if bits > least or (bits == least and step > 0):
                break
            best, least = best + step, bits
    return best


def write_payload(indices, marks, codes, mark_bits, size, out):
    """Write a whole payload, as compression/packing.py lays it out; return its bytes."""
    rice = best_parameter(indices, size)
    head, count = bytearray(), indices.size
    while count > 0x7F:
        head.append(count & 0x7F | 0x80)
        count >>= 7
    head += bytes([count, rice | (TWO_BITS if mark_bits == 2 else 0)])
    out[: len(head)] = np.frombuffer(bytes(head), np.uint8)
    end = write_entries(indices, marks, mark_bits, rice, size, 8 * len(head), out)
    return (write_bytes(codes, end, out) + 7) >> 3


def write_entries(indices, marks, mark_bits, rice, size, position, out):
    """Write gaps and marks (uint8[m] of `mark_bits` bits); return the position behind them."""
    codes, lengths = _gap_codes(indices, rice, size)
    return _write(codes | marks.astype(np.int64) << lengths, lengths + mark_bits, position, out)


def read_entries(stream, position, mark_bits, rice, size, indices, marks):
    """Fill indices (int32[m], ascending, below `size`) and marks (uint8[m]); return their end.

    stream: any uint8[n], of which the last eight bytes are not part.  Returns -1 where the stream
    ends early, an index is not below `size`, or a gap is escaped that need not be.
    """
    content, width, index = stream.tobytes(), (size - 1).bit_length(), -1
    end = 8 * (stream.size - WORD_BYTES)
    for i in range(indices.size):
        word = int.from_bytes(content[position >> 3 :][:WORD_BYTES], "little") >> (position & 7)
        ones, gap, taken = _gap_at(word, rice, width)
        index, position = index + gap + 1, position + taken + mark_bits
        if index >= size or position > end or gap >> rice < ones:
            return -1
        indices[i], marks[i] = index, (word >> taken) & ((1 << mark_bits) - 1)
    return position


def read_payload(stream, size, indices, marks, codes):
    """The reverse of write_payload: (entries, codes), the first negative if there are none.

    As the kernel, with whole numbers of any length where that has words.
    """
    length = stream.size - WORD_BYTES
    count, byte = _read_count(stream[:length].tolist())
    if count < 0 or count > size:
        return (count if count < 0 else COUNT_LARGE), 0
    if count == 0:
        return (0 if byte == length else TOO_MANY_BYTES), 0
    if byte >= length:
        return ENDS_EARLY, 0
    shape = int(stream[byte])
    if shape > SHAPE_MAX or shape & 0x1F > WIDTH_MAX:
        return SHAPE_UNKNOWN, 0
    bits, entries = 1 + (shape & TWO_BITS > 0), (indices[:count], marks[:count])
    position = read_entries(stream, 8 * byte + 8, bits, shape & 0x1F, size, *entries)
    return _read_codes(stream, position, codes, count)


def _read_codes(stream, position, codes, count):
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


def _read_count(content):
    number = 0
    for place, byte in enumerate(content[:COUNT_BYTES]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return (number, place + 1) if byte or not place else (COUNT_PADDED, 0)
    return COUNT_ENDLESS, 0


def write_bytes(values, position, out):
    """Write uint8[m] at `position`, with zeros up to its byte's end; return the position behind."""
    return _write(values.astype(np.int64), np.full(values.size, 8), position, out)


def read_bytes(stream, position, out):
    """Fill out (uint8[m]) from `position` on."""
    first = position >> 3
    words = stream[first : first + out.size + 1].astype(np.int64)
    out[:] = (words[:-1] | words[1:] << 8) >> (position & 7) & 255


def _gap_codes(indices, rice, size):
    """(codes, bits of each): what the gaps between the indices are written as, lowest bit first."""
    gaps = np.diff(indices.astype(np.int64), prepend=-1) - 1
    ones = np.minimum(gaps >> rice, ESCAPE)
    low = (gaps & ((1 << rice) - 1)) << (ones + 1)
    codes = ((np.int64(1) << ones) - 1) | np.where(ones < ESCAPE, low, gaps << ESCAPE)
    return codes, np.where(ones < ESCAPE, ones + 1 + rice, ESCAPE + int(size - 1).bit_length())


def _gap_at(word, rice, width):
    """(ones, gap, bits taken) of the code that a word begins with."""
    ones = (~word & (word + 1)).bit_length() - 1
    if ones >= ESCAPE:
        return ESCAPE, (word >> ESCAPE) & ((1 << width) - 1), ESCAPE + width
    low = (word >> (ones + 1)) & ((1 << rice) - 1)
    return ones, (ones << rice) | low, ones + 1 + rice


def _write(codes, lengths, position, out):
    """Set the bits of all codes, one behind the other; return the position behind them."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if ends.size else 0
    code = np.repeat(np.arange(len(codes)), lengths)
    places = np.arange(total)
    bits = (codes[code] >> (places - (ends - lengths)[code])) & 1
    content = np.zeros(((position + total + 7) >> 3) - (position >> 3), np.uint8)
    inside = (position & 7) + np.flatnonzero(bits)
    np.bitwise_or.at(content, inside >> 3, (1 << (inside & 7)).astype(np.uint8))
    first = position >> 3
    content[:1] |= out[first] & ((1 << (position & 7)) - 1)
    out[first : first + content.size] = content
    return position + total
