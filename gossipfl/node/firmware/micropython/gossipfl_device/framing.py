"""Frames on a wire: COBS between zero bytes, with a CRC-16 behind each frame.

COBS: Cheshire and Baker, "Consistent Overhead Byte Stuffing" (1999, doi:10.1109/90.769765).
"""

GROUP_MAX = 254


def crc16(content: bytes | bytearray | memoryview) -> int:
    """CRC-16/CCITT-FALSE, a byte at a time without a table."""
    crc = 0xFFFF
    for byte in content:
        folded = (crc >> 8) ^ byte
        folded ^= folded >> 4
        crc = ((crc << 8) ^ (folded << 12) ^ (folded << 5) ^ folded) & 0xFFFF
    return crc


def enframe(frame: bytes | bytearray) -> bytearray:
    """The bytes to send, the delimiter behind them included."""
    out, code = bytearray(1), 0
    for part in (frame, crc16(frame).to_bytes(2, "little")):
        for byte in part:
            if byte:
                out.append(byte)
            if not byte or len(out) - code > GROUP_MAX:
                out[code] = len(out) - code
                code = len(out)
                out.append(0)
    out[code] = len(out) - code
    out.append(0)
    return out


class Deframer:
    """Finds frames in whatever comes; garbled, cut and overlong ones are dropped.

    frame_max: bytes of the longest frame.
    """

    def __init__(self, frame_max: int) -> None:
        self._held_max = frame_max + 2 + (frame_max + 2) // GROUP_MAX + 1
        self._frame_max = frame_max
        self._held = bytearray()
        self._spoilt = False

    def feed(self, content: bytes) -> list[bytearray]:
        """The frames that these bytes complete."""
        found: list[bytearray] = []
        start = 0
        while True:
            stop = content.find(b"\0", start)
            self._hold(content[start : len(content) if stop < 0 else stop])
            if stop < 0:
                return found
            frame = None if self._spoilt else deframe(self._held)
            if frame is not None and len(frame) <= self._frame_max:
                found.append(frame)
            self._held = bytearray()
            self._spoilt = False
            start = stop + 1

    def _hold(self, part: bytes) -> None:
        if len(self._held) + len(part) > self._held_max:
            self._spoilt = True
        if not self._spoilt:
            self._held.extend(part)


def deframe(stuffed: bytearray) -> bytearray | None:
    """The frame between two delimiters; None if it is garbled."""
    out, place = bytearray(), 0
    while place < len(stuffed):
        following = place + stuffed[place]
        if following > len(stuffed):
            return None
        out.extend(stuffed[place + 1 : following])
        if stuffed[place] <= GROUP_MAX and following < len(stuffed):
            out.append(0)
        place = following
    if len(out) <= 2:
        return None
    frame = out[:-2]
    return frame if crc16(frame) == out[-2] | out[-1] << 8 else None
