"""What a gateway remembers of a device's keys: enrolment, rotation, counters that only rise."""

from typing import Any, Final

import msgpack
from attrs import evolve, field, frozen

from gossipfl.devices.frames import Head, open_frame
from gossipfl.devices.keys import (
    EPOCH_MAX,
    ID_BYTES,
    KEY_BYTES,
    Identity,
    identity_of,
)
from gossipfl.errors import StateError, Untrusted
from gossipfl.wire.messages import SEQUENCE_MAX

COUNTER_MAX: Final = SEQUENCE_MAX


@frozen
class Keyring:
    """One device's.  Whoever drives it stores every new one before it sends an answer.

    identity: in use, or of epoch 0 while the device is not enrolled.
    granted: the next one, until the device has shown that it knows it.
    counter: the highest that a frame of this device has borne; -1 before any.
    """

    identity: Identity
    granted: Identity | None = field(default=None, repr=False)
    counter: int = -1

    @property
    def enrolled(self) -> bool:
        """Whether the one-time code has been used."""
        return self.identity.epoch > 0

    def open(self, head: Head, frame: bytes) -> tuple["Keyring", Identity, bytes]:
        """The keyring behind a frame, the identity to answer under, and the message.

        Raises Untrusted for a frame under a key that does not count or no more, one that has come
        before, or one that another device made.
        """
        identity = self._identity(head)
        if head.counter <= self.counter:
            raise Untrusted(f"device {head.id.hex()}: counter {head.counter} has been before")
        message = open_frame(identity, frame)
        # A frame under the granted key is the proof that the old one is needed no more.
        granted = None if identity is self.granted else self.granted
        return Keyring(identity, granted, head.counter), identity, message

    def _identity(self, head: Head) -> Identity:
        for identity in (self.identity, self.granted):
            if identity is not None and (head.id, head.epoch) == (identity.id, identity.epoch):
                return identity
        raise Untrusted(f"device {head.id.hex()}: key {head.epoch} is not in use")

    def grant(self, device: bytes, gateway: bytes) -> "Keyring":
        """With the next key, from what both ends drew; one granted before is forgotten.

        Raises LocalProtocolError behind the last epoch.
        """
        return evolve(self, granted=self.identity.next(device, gateway))

    def may_rotate(self) -> bool:
        """Whether there is a next key."""
        return self.identity.epoch < EPOCH_MAX

    def encode(self) -> bytes:
        """To be stored where nobody else can read it."""
        granted = None if self.granted is None else self.granted.key
        own = self.identity
        return bytes(msgpack.packb([own.id, own.epoch, own.key, granted, self.counter]))


def keyring_of(code: bytes) -> Keyring:
    """For a device that will be enrolled with this one-time code."""
    return Keyring(identity_of(code))


def decode_keyring(content: bytes) -> Keyring:
    """The reverse of `encode`.  Raises StateError."""
    try:
        device, epoch, key, granted, counter = msgpack.unpackb(content, use_list=False)
        _check(isinstance(epoch, int) and 0 <= epoch <= EPOCH_MAX)
        _check(isinstance(counter, int) and -1 <= counter <= COUNTER_MAX)
        identity = Identity(_exactly(device, ID_BYTES), epoch, _exactly(key, KEY_BYTES))
        if granted is None:
            return Keyring(identity, None, counter)
        _check(epoch < EPOCH_MAX)
        following = Identity(identity.id, epoch + 1, _exactly(granted, KEY_BYTES))
        return Keyring(identity, following, counter)
    except (ValueError, TypeError, msgpack.UnpackException):
        raise StateError("a device's keys are damaged: enrol it anew") from None


def _check(good: bool) -> None:
    if not good:
        raise ValueError("out of range")


def _exactly(content: Any, length: int) -> bytes:
    if not isinstance(content, bytes) or len(content) != length:
        raise ValueError("of another length")
    return content
