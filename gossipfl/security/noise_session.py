"""Transport messages after a handshake, fit for datagrams: frames may be lost or reordered.

Noise Protocol Framework, revision 34, section 11.4 (out-of-order transport messages), with a
sliding replay window as in RFC 4303, appendix A2.
"""

import struct

from nacl.exceptions import CryptoError

from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.security.noise_symmetric import (
    MESSAGE_MAX,
    NONCE_MAX,
    TAG_BYTES,
    aead_open,
    aead_seal,
)

COUNTER_BYTES = 2
WINDOW = 64  # frames that may overtake one another

_COUNTER = struct.Struct(">H")
_COUNTER_MASK = 0xFFFF


class Session:
    """Two ciphers, one for each direction, under one authenticated peer.

    A frame is a 2-byte big-endian counter (the low bits of the 64-bit nonce), the ciphertext and
    a 16-byte tag.  After 65,472 frames lost in a row the counter is outrun: nothing opens any
    more, and the link needs a new handshake.
    """

    FRAME_MAX = MESSAGE_MAX
    OVERHEAD_BYTES = COUNTER_BYTES + TAG_BYTES
    PLAINTEXT_MAX = FRAME_MAX - OVERHEAD_BYTES

    __slots__ = (
        "_next_nonce",
        "_receive_key",
        "_received",
        "_send_key",
        "handshake_hash",
        "remote_static",
    )

    def __init__(
        self, *, send_key: bytes, receive_key: bytes, handshake_hash: bytes, remote_static: bytes
    ) -> None:
        """Made by Handshake.into_session.  handshake_hash names this session (channel binding)."""
        self._send_key, self._receive_key = send_key, receive_key
        self._next_nonce = 0
        self._received = _ReplayWindow()
        self.handshake_hash = handshake_hash
        self.remote_static = remote_static

    def seal(self, plaintext: bytes) -> bytes:
        """The next frame.  Raises LocalProtocolError above PLAINTEXT_MAX bytes."""
        nonce = self._next_nonce
        if len(plaintext) > self.PLAINTEXT_MAX:
            raise LocalProtocolError(f"a frame holds {self.PLAINTEXT_MAX} bytes: split the message")
        if nonce > NONCE_MAX:
            raise LocalProtocolError("session has used up its nonces: make a new handshake")
        self._next_nonce += 1
        counter = _COUNTER.pack(nonce & _COUNTER_MASK)
        return counter + aead_seal(self._send_key, nonce, b"", plaintext)

    def open(self, frame: bytes) -> bytes:
        """The plaintext of a frame that was not opened before.

        Raises RemoteProtocolError, leaving the session as it was, if the frame is truncated,
        oversized, replayed, forged, or WINDOW or more frames older than the newest one.
        """
        if not self.OVERHEAD_BYTES <= len(frame) <= self.FRAME_MAX:
            raise RemoteProtocolError(f"a frame cannot have {len(frame)} bytes")
        nonce = self._received.rebuild(_COUNTER.unpack_from(frame)[0])
        if nonce in self._received or nonce > NONCE_MAX:
            raise RemoteProtocolError("frame was replayed, or comes after the last nonce")
        try:
            plaintext = aead_open(self._receive_key, nonce, b"", frame[COUNTER_BYTES:])
        except CryptoError:
            raise RemoteProtocolError("frame is forged, damaged or too old") from None
        self._received.add(nonce)
        return plaintext


class _ReplayWindow:
    """Which of the newest WINDOW nonces were seen; anything older cannot even be rebuilt."""

    __slots__ = ("_newest", "_seen")

    def __init__(self) -> None:
        self._newest = -1
        self._seen = 0  # bit i stands for nonce _newest - i

    def rebuild(self, counter: int) -> int:
        """The lowest nonce with these low bits that could still be new.

        Counting from the window's old end gives bursts of loss nearly all of the counter's range,
        and leaves nothing to choose: a frame from before the window is taken for one from the far
        future and fails to authenticate.
        """
        oldest = max(0, self._newest - WINDOW + 1)
        return oldest + ((counter - oldest) & _COUNTER_MASK)

    def __contains__(self, nonce: int) -> bool:
        age = self._newest - nonce
        return age >= 0 and bool(self._seen >> age & 1)

    def add(self, nonce: int) -> None:
        """Note an authenticated nonce, which `rebuild` gave."""
        ahead = nonce - self._newest
        if ahead > 0:
            self._newest, self._seen = nonce, (self._seen << ahead | 1) & (1 << WINDOW) - 1
        else:
            self._seen |= 1 << -ahead
