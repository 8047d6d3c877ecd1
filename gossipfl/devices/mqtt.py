"""MQTT 3.1.1 (OASIS standard, 29 October 2014), as much of it as frames between devices need.

Everything is sent at most once (quality of service 0), since devices ask again until they are
answered; sessions are clean.  Bytes in, packets out: nothing is held beyond one packet of a length
that the caller sets, and a longer one is passed over.
"""

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from gossipfl.errors import ConfigError, RemoteProtocolError

KEEP_ALIVE_S_MAX: Final = 65_535
TEXT_BYTES_MAX: Final = 65_535
DISCONNECT: Final = b"\xe0\x00"
PING: Final = b"\xc0\x00"
_LENGTH_BYTES_MAX: Final = 4
_CONNACK, _PUBLISH, _SUBACK, _PINGRESP = 0x20, 0x30, 0x90, 0xD0
_RETAINED: Final = 0x01
_REASONS: Final = {
    1: "speaks another version of MQTT than 3.1.1",
    2: "does not take this client id",
    3: "is not available now",
    4: "refuses this user name or password",
    5: "does not let this client in",
}


@frozen
class Connected:
    """The broker's answer to `connect`.  refusal: why it refused; None if it did not."""

    refusal: str | None


@frozen
class Subscribed:
    """The broker's answer to `subscribe`."""

    granted: bool


@frozen
class Published:
    """A message.  retained: an old one, that the broker has kept for whoever subscribes."""

    topic: str
    payload: bytes
    retained: bool


@frozen
class Pong:
    """The broker's answer to PING."""


Packet = Connected | Subscribed | Published | Pong


def connect(client: str, keep_alive_s: int, user: str | None, password: str | None) -> bytes:
    """Open a clean session.  Raises ConfigError for texts that are too long."""
    flags = 0x02 | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    head = _text("MQTT") + bytes([4, flags]) + keep_alive_s.to_bytes(2, "big")
    rest = b"".join(_text(part) for part in (client, user, password) if part is not None)
    return _packet(0x10, head + rest)


def subscribe(pattern: str) -> bytes:
    """Ask for all messages whose topic fits the pattern."""
    return _packet(0x82, b"\x00\x01" + _text(pattern) + b"\x00")


def publish(topic: str, payload: bytes) -> bytes:
    """A message."""
    return _packet(_PUBLISH, _text(topic) + payload)


class PacketReader:
    """Finds packets in what a broker sends.

    bytes_max: of a packet behind its length; longer messages are passed over.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._held = bytearray()
        self._skipping = 0

    def feed(self, content: bytes) -> Iterator[Packet]:
        """Take bytes in; yields the packets that they complete.

        Raises RemoteProtocolError for what no broker may send; then the connection is of no use.
        """
        self._held += self._pass_over(content)
        while (found := _head(self._held)) is not None:
            start, length = found
            if length > self._bytes_max:
                self._skipping = length
                self._held = bytearray(self._pass_over(bytes(self._held[start:])))
            elif len(self._held) < start + length:
                return
            else:
                kind, body = self._held[0], bytes(self._held[start : start + length])
                del self._held[: start + length]
                yield _read(kind, body)

    def _pass_over(self, content: bytes) -> bytes:
        skipped = min(self._skipping, len(content))
        self._skipping -= skipped
        return content[skipped:]


def _head(held: bytearray) -> tuple[int, int] | None:
    """Where the body of the first packet starts, and its length; None while that is unknown."""
    length = 0
    for place, byte in enumerate(held[1 : 1 + _LENGTH_BYTES_MAX]):
        length |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            return place + 2, length
    if len(held) > _LENGTH_BYTES_MAX:
        raise RemoteProtocolError("a packet without a length: this is no MQTT broker")
    return None


def _read(kind: int, body: bytes) -> Packet:
    if kind == _CONNACK and len(body) == 2:
        return Connected(_REASONS.get(body[1], "refuses us") if body[1] else None)
    if kind == _SUBACK and len(body) == 3:
        return Subscribed(body[2] == 0)
    if kind & ~_RETAINED == _PUBLISH:
        return _published(body, bool(kind & _RETAINED))
    if kind == _PINGRESP and not body:
        return Pong()
    raise RemoteProtocolError(f"an MQTT packet {kind:#04x} of {len(body)} bytes, unasked")


def _published(body: bytes, retained: bool) -> Published:
    stop = 2 + int.from_bytes(body[:2], "big")
    if len(body) < stop:
        raise RemoteProtocolError("an MQTT message that ends within its topic")
    try:
        return Published(body[2:stop].decode(), body[stop:], retained)
    except UnicodeDecodeError:
        raise RemoteProtocolError("an MQTT message whose topic is no UTF-8") from None


def _packet(kind: int, body: bytes) -> bytes:
    head, left = bytearray([kind]), len(body)
    while True:
        left, low = left >> 7, left & 0x7F
        head.append(low | (0x80 if left else 0))
        if not left:
            return bytes(head) + body


def _text(text: str) -> bytes:
    content = text.encode()
    if len(content) > TEXT_BYTES_MAX:
        raise ConfigError(f"{text[:20]!r}... is longer than MQTT allows, {TEXT_BYTES_MAX} bytes")
    return len(content).to_bytes(2, "big") + content
