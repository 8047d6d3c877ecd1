"""Frames on a wire: COBS between zero bytes, with a CRC-16 behind each frame.

COBS: Cheshire and Baker, "Consistent Overhead Byte Stuffing" (1999, doi:10.1109/90.769765).
CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, highest bit first.
"""

from collections.abc import Iterator
from typing import Final

GROUP_MAX: Final = 254
CRC_BYTES: Final = 2


def enframe(frame: bytes) -> bytes:
    """The bytes to send, the delimiter behind them included."""
    return _stuff(frame + crc16(frame).to_bytes(CRC_BYTES, "little")) + b"\0"


class Deframer:
    """Finds frames in whatever comes; garbled, cut and overlong ones are dropped.

    frame_max: bytes of the longest frame.
    """

    def __init__(self, frame_max: int) -> None:
        self._frame_max = frame_max
        # A longer frame, stuffed, cannot become one that is allowed.
        self._held_max = frame_max + CRC_BYTES + (frame_max + CRC_BYTES) // GROUP_MAX + 1
        self._held = bytearray()
        self._spoilt = False

    def feed(self, content: bytes) -> Iterator[bytes]:
        """Take bytes in; yields the frames that they complete."""
        *ended, rest = content.split(b"\0")
        for part in ended:
            self._hold(part)
            frame = None if self._spoilt else deframe(bytes(self._held))
            self._held.clear()
            self._spoilt = False
            if frame is not None and len(frame) <= self._frame_max:
                yield frame
        self._hold(rest)

    def _hold(self, part: bytes) -> None:
        self._spoilt = self._spoilt or len(self._held) + len(part) > self._held_max
        if self._spoilt:
            self._held.clear()
        else:
            self._held += part


def deframe(stuffed: bytes) -> bytes | None:
    """The frame between two delimiters; None if it is garbled."""
    content = _unstuff(stuffed)
    if content is None or len(content) <= CRC_BYTES:
        return None
    frame, crc = content[:-CRC_BYTES], content[-CRC_BYTES:]
    return frame if crc16(frame).to_bytes(CRC_BYTES, "little") == crc else None


def crc16(content: bytes) -> int:
    """The checksum of a frame."""
    crc = 0xFFFF
    for byte in content:
        crc = (crc << 8 & 0xFFFF) ^ _TABLE[crc >> 8 ^ byte]
    return crc


def _entry(byte: int) -> int:
    crc = byte << 8
    for _ in range(8):
        crc = crc << 1 ^ (0x1021 if crc & 0x8000 else 0)
    return crc & 0xFFFF


_TABLE: Final = tuple(map(_entry, range(256)))


def _stuff(content: bytes) -> bytes:
    out = bytearray()
    for run in content.split(b"\0"):
        while len(run) >= GROUP_MAX:
            out += bytes([GROUP_MAX + 1]) + run[:GROUP_MAX]
            run = run[GROUP_MAX:]
        out += bytes([len(run) + 1]) + run
    return bytes(out)


def _unstuff(stuffed: bytes) -> bytes | None:
    out, place, zero_due = bytearray(), 0, False
    while place < len(stuffed):
        code = stuffed[place]
        group = stuffed[place + 1 : place + code]
        if code == 0 or len(group) != code - 1:
            return None
        out += b"\0" * zero_due + group
        place, zero_due = place + code, code <= GROUP_MAX
    return bytes(out)
