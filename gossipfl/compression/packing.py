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

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import RemoteProtocolError
from gossipfl.kernels import payload_ref, rice_ref
from gossipfl.kernels.rice_ref import COUNT_BYTES, WIDTH_MAX, WORD_BYTES

SIZE_MAX: Final = 1 << WIDTH_MAX
PADDING: Final = bytes(WORD_BYTES)  # behind every payload that kernels read
_HEAD_MAX: Final = COUNT_BYTES + 1

_COMPLAINTS: Final = {
    rice_ref.COUNT_ENDLESS: "a delta's count has no end",
    rice_ref.COUNT_PADDED: "a delta's count is longer than it need be",
    rice_ref.COUNT_LARGE: "a delta has more entries than the model",
    rice_ref.ENDS_EARLY: "a delta ends after its count",
    rice_ref.SHAPE_UNKNOWN: "a delta's entries have a shape that there is not",
    rice_ref.STREAM_BROKEN: "a delta's stream is cut short or points outside the model",
    rice_ref.TOO_MANY_BYTES: "a delta is followed by more bytes",
    rice_ref.PADDED_WITH_ONES: "a delta is padded with ones",
    payload_ref.CODES_AMISS: "a delta has too few scales or too many",
}

Room = tuple[
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.uint8],
    NDArray[np.uint8],
    NDArray[np.float64],
]


def payload_max(size: int, tensors: int) -> int:
    """Bytes that no payload exceeds.

    Sparse gaps are cheaper than with parameter 0, where m indices take 2 * size - m bits even if
    every gap is escaped at double its cost; m <= size entries add two mark bits each.
    """
    return _HEAD_MAX + _bytes(3 * size + 16 * tensors)


def make_room(size: int, tensors: int) -> Room:
    """What kernels write to: indices, values, marks, codes, the length of a difference."""
    marks, codes = np.empty(size, np.uint8), np.empty(2 * tensors, np.uint8)
    return np.empty(size, np.int32), np.empty(size, np.float32), marks, codes, np.zeros(1)


def make_out(size: int, tensors: int) -> NDArray[np.uint8]:
    """Where kernels write payloads."""
    return np.empty(payload_max(size, tensors) + WORD_BYTES, np.uint8)


def complaint(found: int) -> RemoteProtocolError:
    """What is wrong with a payload, by what the kernel says."""
    return RemoteProtocolError(_COMPLAINTS[found])


def _bytes(bits: int) -> int:
    return (bits + 7) // 8
