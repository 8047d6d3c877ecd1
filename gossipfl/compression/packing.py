"""The bytes of a sparse delta.

    count    1-4 bytes   m, the number of entries, as an unsigned LEB128 number of least length.
                         An empty delta is this one byte 0 and nothing more.
    shape    1 byte      bits 0-4: the Rice parameter, 0..24.  Bit 5: 0 for one mark bit an entry,
                         1 for two.  Bits 6-7: zero.
    stream   the rest    one bit stream, lowest bit of each byte first, of
        gaps     m Rice codes of the entries skipped before each index (see kernels/rice.py);
        marks    m times the sign bit (1: negative) and, with two mark bits, then the level bit;
        scales   8 bits (see scales.py) for each group that has an entry, in order of tensor, then
                 level; an entry's group is its tensor and its level;
        padding  zero bits up to the byte's end.

Which groups have an entry follows from indices and marks, which come first for that reason: so
there is neither a map of tensors nor a scale for one that sends nothing, and their number is free.
"""

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import RemoteProtocolError
from gossipfl.kernels import engine
from gossipfl.kernels.rice_ref import WIDTH_MAX

SIZE_MAX = 1 << WIDTH_MAX
_RICE_MASK = 0x1F
_TWO_BITS = 0x20
_SHAPE_MAX = _RICE_MASK | _TWO_BITS


@attrs.frozen(eq=False)
class Parts:
    """What a payload spells out.

    indices: int64[m] ascending.  marks: uint8[m] and groups: int64[m], as kernels/quantisation.py
    defines them.  codes: uint8[groups], scale codes.  bits: mark bits per entry, 1 or 2.
    """

    indices: NDArray[np.int64]
    marks: NDArray[np.uint8]
    groups: NDArray[np.int64]
    codes: NDArray[np.uint8]
    bits: int


def payload_max(size: int, tensors: int) -> int:
    """Bytes that no payload exceeds.

    Sparse gaps are cheaper than with parameter 0, where m indices take 2 * size - m bits even if
    every gap is escaped at double its cost; m <= size entries add two mark bits each.
    """
    return len(_varint(size)) + 1 + _bytes(3 * size + 16 * tensors)


def pack(parts: Parts, size: int) -> bytes:
    """The payload of a delta for a vector of length `size`."""
    count = parts.indices.size
    if not count:
        return b"\0"
    stream_bits, rice = _best_rice(parts.indices, size)
    stream_bits += parts.bits * count + 8 * parts.codes.size
    head = _varint(count) + bytes([rice | (_TWO_BITS if parts.bits == 2 else 0)])
    out = np.zeros(len(head) + _bytes(stream_bits), np.uint8)
    out[: len(head)] = np.frombuffer(head, np.uint8)
    position = engine.rice.write_gaps(parts.indices, rice, size, 8 * len(head), out)
    position = engine.rice.write_fields(parts.marks, parts.bits, position, out)
    engine.rice.write_fields(parts.codes, 8, position, out)
    return out.tobytes()


def unpack(payload: bytes, size: int, stops: NDArray[np.int64]) -> Parts:
    """The reverse of pack, for tensors that end at `stops`.

    Total: raises RemoteProtocolError for all bytes that are not what pack makes of some parts,
    except that the Rice parameter need not be the best one.
    """
    if len(payload) > payload_max(size, stops.size):
        raise RemoteProtocolError(f"a payload of {len(payload)} bytes is longer than any delta")
    count, start = _read_varint(payload)
    if count > size:
        raise RemoteProtocolError(f"a delta has {count} entries, but the model has {size}")
    if not count:
        _check_end(payload, 8 * start)
        empty = np.zeros(0, np.uint8)
        return Parts(np.zeros(0, np.int64), empty, np.zeros(0, np.int64), empty, 1)
    return _unpack_stream(payload, start, count, size, stops)


def _unpack_stream(
    payload: bytes, start: int, count: int, size: int, stops: NDArray[np.int64]
) -> Parts:
    rice, bits = _read_shape(payload, start)
    stream = np.frombuffer(payload, np.uint8)
    indices = np.empty(count, np.int64)
    marks = np.empty(count, np.uint8)
    groups = np.empty(count, np.int64)
    position = _whole(engine.rice.read_gaps(stream, 8 * start + 8, rice, size, indices))
    position = _whole(engine.rice.read_fields(stream, position, bits, marks))
    found = engine.quantisation.number_groups(indices, stops, marks, groups)
    codes = np.empty(found, np.uint8)
    position = _whole(engine.rice.read_fields(stream, position, 8, codes))
    _check_end(payload, position)
    return Parts(indices, marks, groups, codes, bits)


def _best_rice(indices: NDArray[np.int64], size: int) -> tuple[int, int]:
    """Bits of the gaps, and the parameter that takes so few: the best of three likely ones."""
    # 0.69 = ln 2: the parameter that suits the mean of exponentially distributed gaps.
    guess = max(0, int(0.69 * size / indices.size).bit_length() - 1)
    return min(
        (engine.rice.gap_bits(indices, r, size), r) for r in range(max(0, guess - 1), guess + 2)
    )


def _bytes(bits: int) -> int:
    return (bits + 7) // 8


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _read_varint(payload: bytes) -> tuple[int, int]:
    """The number that a payload starts with, and where it ends."""
    number = 0
    for place, byte in enumerate(payload[: len(_varint(SIZE_MAX))]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            if byte == 0 and place:
                raise RemoteProtocolError("a delta's count is longer than it need be")
            return number, place + 1
    raise RemoteProtocolError("a delta's count has no end")


def _read_shape(payload: bytes, start: int) -> tuple[int, int]:
    """The Rice parameter and the mark bits per entry."""
    if start >= len(payload):
        raise RemoteProtocolError("a delta ends after its count")
    shape = payload[start]
    rice = shape & _RICE_MASK
    if shape > _SHAPE_MAX or rice > WIDTH_MAX:
        raise RemoteProtocolError(f"a delta has no shape {shape:#04x}")
    return rice, 2 if shape & _TWO_BITS else 1


def _whole(position: int) -> int:
    if position < 0:
        raise RemoteProtocolError("a delta's stream is cut short or points outside the model")
    return position


def _check_end(payload: bytes, position: int) -> None:
    """Refuse anything behind the last bit but the zeros that fill its byte."""
    if len(payload) != _bytes(position):
        raise RemoteProtocolError("a delta is followed by more bytes")
    if position % 8 and payload[-1] >> position % 8:
        raise RemoteProtocolError("a delta is padded with ones")
