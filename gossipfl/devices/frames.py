"""Sealed frames: a head in the clear, and a message that only the two ends can read or make.

The head is the nonce too.  Counters are the device's: each of its frames has a higher one than all
before, under any key, and an answer bears the counter of what it answers.  So an answer can be
neither replayed nor put in another's place, and the gateway has to remember one number a device.
"""

import struct
from typing import Final

from attrs import frozen
from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_decrypt,
    crypto_aead_chacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from gossipfl.devices.keys import Identity
from gossipfl.errors import RemoteProtocolError, Untrusted

PROTOCOL: Final = 1
TO_GATEWAY: Final = 0
TO_DEVICE: Final = 1
_HEAD: Final = struct.Struct("<B4sBI")
HEAD_BYTES: Final = _HEAD.size
TAG_BYTES: Final = 16
MESSAGE_MAX: Final = 2000
MESSAGE_ROOM_MIN: Final = 128
FRAME_MAX: Final = HEAD_BYTES + MESSAGE_MAX + TAG_BYTES
_NONCE_PADDING: Final = bytes(2)


@frozen
class Head:
    """What a frame says in the clear."""

    id: bytes
    epoch: int
    counter: int


def read_head(frame: bytes) -> Head:
    """Of a frame to the gateway.  Raises RemoteProtocolError for anything else."""
    if not HEAD_BYTES + TAG_BYTES < len(frame) <= FRAME_MAX:
        raise RemoteProtocolError(f"a device's frame of {len(frame)} bytes")
    mark, device, epoch, counter = _HEAD.unpack_from(frame)
    if mark != PROTOCOL << 4 | TO_GATEWAY:
        raise RemoteProtocolError(f"a device's frame with the mark {mark:#04x}: another protocol")
    return Head(device, epoch, counter)


def seal(identity: Identity, direction: int, counter: int, message: bytes) -> bytes:
    """The frame of a message."""
    head = _HEAD.pack(PROTOCOL << 4 | direction, identity.id, identity.epoch, counter)
    nonce = head + _NONCE_PADDING
    sealed: bytes = crypto_aead_chacha20poly1305_ietf_encrypt(message, head, nonce, identity.key)
    return head + sealed


def open_frame(identity: Identity, frame: bytes) -> bytes:
    """The message.  Raises Untrusted for a frame that was not made with this key."""
    head, sealed = frame[:HEAD_BYTES], frame[HEAD_BYTES:]
    nonce = head + _NONCE_PADDING
    try:
        text: bytes = crypto_aead_chacha20poly1305_ietf_decrypt(sealed, head, nonce, identity.key)
    except CryptoError:
        raise Untrusted(f"a frame in the name of {identity.id.hex()} under another key") from None
    return text
