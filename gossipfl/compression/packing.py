"""The bytes of a sparse delta.

    count    1-4 bytes   m, the number of entries, as an unsigned LEB128 number of least length.
                         An empty delta is this one byte 0 and nothing more.
    shape    1 byte      bits 0-4: the Rice parameter, 0..24.  Bit 5: 0 for one mark bit an entry,
                         1 for two.  Bits 6-7: zero.
    stream   the rest    one bit stream, lowest bit of each byte first, of
        entries  m times the Rice code of how many are skipped before it (see kernels/rice.py), the
                 sign bit (1: negative) and, with two mark bits, the level bit;
        scales   8 bits (see scales.py) for each group that has an entry, in order of tensor, then
                 level; an entry's group is its tensor and its level;
        padding  zero bits up to the byte's end.

Which groups have an entry follows from the entries, which come first for that reason: so there is
neither a map of tensors nor a scale for one that sends nothing, and their number is free.
"""

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import RemoteProtocolError
from gossipfl.kernels.engine import rice
from gossipfl.kernels.rice_ref import TWO_BITS, WIDTH_MAX, WORD_BYTES

SIZE_MAX = 1 << WIDTH_MAX
_RICE_MASK = 0x1F
_SHAPE_MAX = _RICE_MASK | TWO_BITS
_COUNT_MAX = 4  # bytes of a count up to SIZE_MAX
_HEAD_MAX = _COUNT_MAX + 1


@attrs.frozen(eq=False)
class Parts:
    """What a payload spells out.

    indices: int32[m] ascending.  marks: uint8[m] and codes: uint8[groups], as
    kernels/quantisation.py defines them.  bits: mark bits per entry, 1 or 2.
    """

    indices: NDArray[np.int32]
    marks: NDArray[np.uint8]
    codes: NDArray[np.uint8]
    bits: int


def payload_max(size: int, tensors: int) -> int:
    """Bytes that no payload exceeds.

    Sparse gaps are cheaper than with parameter 0, where m indices take 2 * size - m bits even if
    every gap is escaped at double its cost; m <= size entries add two mark bits each.
    """
    return _HEAD_MAX + _bytes(3 * size + 16 * tensors)


def pack(parts: Parts, size: int) -> bytes:
    """The payload of a delta for a vector of length `size`."""
    if not parts.indices.size:
        return b"\0"
    out = np.empty(_HEAD_MAX + _bytes(3 * size) + parts.codes.size + WORD_BYTES, np.uint8)
    length = rice.write_payload(parts.indices, parts.marks, parts.codes, parts.bits, size, out)
    return out[:length].tobytes()


def unpack(payload: bytes, size: int, tensors: int) -> Parts:
    """The reverse of pack, for a vector of so many tensors.

    Total: raises RemoteProtocolError for all bytes that are not what pack makes of some parts,
    except that the Rice parameter need not be the best one, and that it is left to whoever knows
    the tensors whether there is one code a group.
    """
    if len(payload) > payload_max(size, tensors):
        raise RemoteProtocolError(f"a payload of {len(payload)} bytes is longer than any delta")
    count, start = _read_varint(payload)
    if count > size:
        raise RemoteProtocolError(f"a delta has {count} entries, but the model has {size}")
    if not count:
        _check_end(payload, 8 * start)
        empty = np.zeros(0, np.uint8)
        return Parts(np.zeros(0, np.int32), empty, empty, 1)
    return _unpack_stream(payload, start, count, size, tensors)


def _unpack_stream(payload: bytes, start: int, count: int, size: int, tensors: int) -> Parts:
    parameter, bits = _read_shape(payload, start)
    stream = np.frombuffer(payload + bytes(WORD_BYTES), np.uint8)
    indices = np.empty(count, np.int32)
    marks = np.empty(count, np.uint8)
    position = rice.read_entries(stream, 8 * start + 8, bits, parameter, size, indices, marks)
    if position < 0:
        raise RemoteProtocolError("a delta's stream is cut short or points outside the model")
    codes = np.empty((8 * len(payload) - position) // 8, np.uint8)
    rice.read_bytes(stream, position, codes)
    _check_end(payload, position + 8 * codes.size)
    return Parts(indices, marks, codes, bits)


def _bytes(bits: int) -> int:
    return (bits + 7) // 8


def _read_varint(payload: bytes) -> tuple[int, int]:
    """The number that a payload starts with, and where it ends."""
    number = 0
    for place, byte in enumerate(payload[:_COUNT_MAX]):
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
    return rice, 2 if shape & TWO_BITS else 1


def _check_end(payload: bytes, position: int) -> None:
    """Refuse anything behind the last bit but the zeros that fill its byte."""
    if len(payload) != _bytes(position):
        raise RemoteProtocolError("a delta is followed by more bytes")
    if position % 8 and payload[-1] >> position % 8:
        raise RemoteProtocolError("a delta is padded with ones")
