"""Frames longer than one sealed frame travel in parts; only uncompressed models need it."""

from typing import Final

from gossipfl.errors import RemoteProtocolError
from gossipfl.wire.messages import FRAME_MAX, Fragment, Message, decode, encode

PART_BYTES: Final = 60_000


def split(message: Message) -> list[bytes]:
    """The frames to send for one message: one, or its fragments in order."""
    frame = encode(message)
    if len(frame) <= PART_BYTES:
        return [frame]
    parts = [frame[i : i + PART_BYTES] for i in range(0, len(frame), PART_BYTES)]
    return [encode(Fragment(i, len(parts), part)) for i, part in enumerate(parts)]


class Assembler:
    """Puts one peer's fragments together, holding at most one unfinished frame of FRAME_MAX."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def add(self, frame: bytes) -> Message | None:
        """The message that this frame completes, or None.

        A fragment out of order drops what was gathered: its sender repeats the whole message.
        Raises RemoteProtocolError for an illegal frame.
        """
        message = decode(frame)
        if not isinstance(message, Fragment):
            return message
        return self._gather(message)

    def _gather(self, part: Fragment) -> Message | None:
        if part.index == 0:
            self._parts = []
        if part.index != len(self._parts) or part.index >= part.count:
            self._parts = []
            return None
        self._parts.append(part.body)
        if sum(map(len, self._parts)) > FRAME_MAX:
            self._parts = []
            raise RemoteProtocolError("fragments longer than any message")
        if len(self._parts) < part.count:
            return None
        whole, self._parts = b"".join(self._parts), []
        message = decode(whole)
        if isinstance(message, Fragment):
            raise RemoteProtocolError("a fragment inside fragments")
        return message
