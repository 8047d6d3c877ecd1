"""Sealed frames: a head in the clear, and a message that only the two ends can read or make.

The head is the nonce too.  Counters are the device's: each of its frames has a higher one than all
before, and an answer bears the counter of what it answers.
"""

import struct

from gossipfl_device.aead import TAG_BYTES, open_sealed, seal
from gossipfl_device.keys import Identity

_TO_GATEWAY = 0x10
_TO_DEVICE = 0x11
HEAD_BYTES = 10
OVERHEAD_BYTES = HEAD_BYTES + TAG_BYTES


def _head(mark: int, identity: Identity, counter: int) -> bytes:
    return struct.pack("<B4sBI", mark, identity.id, identity.epoch, counter)


def seal_frame(identity: Identity, counter: int, message: bytes) -> bytes:
    """The frame of a message to the gateway."""
    head = _head(_TO_GATEWAY, identity, counter)
    return head + seal(identity.key, head + bytes(2), head, message)


def open_frame(identity: Identity, counter: int, frame: bytes | bytearray) -> bytes | None:
    """The gateway's message in the answer to frame `counter`; None for any other frame, and for one
    that was not made with this key.
    """
    head = _head(_TO_DEVICE, identity, counter)
    if len(frame) <= OVERHEAD_BYTES or frame[:HEAD_BYTES] != head:
        return None
    return open_sealed(identity.key, head + bytes(2), head, frame[HEAD_BYTES:])
