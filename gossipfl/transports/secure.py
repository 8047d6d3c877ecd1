"""Links that know who is at the other end: the Noise handshake over any Link, then sealed frames.

XXpsk0: message 1 proves the cluster key, message 2 brings the responder's certificate and message 3
the initiator's; each side verifies the other's before it goes on.  Noise frames carry their own
counter, so that sealed frames may be lost, overtaken or doubled on the way.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import attrs
import trio

from gossipfl.errors import (
    LocalProtocolError,
    PeerError,
    RemoteProtocolError,
    Unreachable,
    Untrusted,
)
from gossipfl.security.noise import LINK_PROTOCOL, Handshake
from gossipfl.security.noise_session import Session
from gossipfl.transports.base import Link, Traffic

T = TypeVar("T")

REFUSED_IN_A_ROW_MAX = 16


@attrs.frozen(kw_only=True)
class Credentials(Generic[T]):
    """What we show to peers, and how we judge what they show.

    static: our X25519 secret, 32 bytes.
    certificate: ours, as the peer's `verify` will read it.
    cluster_key: 32 bytes that every member of the cluster holds.
    prologue: what both ends must agree on beforehand, such as protocol version and cluster id.
    verify: (certificate, the peer's static public key) -> who that is; raises Untrusted.
    """

    static: bytes = attrs.field(repr=False)
    certificate: bytes
    cluster_key: bytes = attrs.field(repr=False)
    prologue: bytes
    verify: Callable[[bytes, bytes], T]


class SecureLink(Link, Generic[T]):
    """A link to an authenticated peer; made by secure_dial and secure_accept.

    identity: what `verify` made of the peer's certificate.
    remote_static: the peer's static public key, 32 bytes.
    handshake_hash: unique to this session, the same at both ends.
    refused_frames: how many frames did not open: copies, or forgeries.
    """

    protocol = LINK_PROTOCOL

    def __init__(self, link: Link, session: Session, identity: T) -> None:
        self.peer = link.peer
        self.traffic: Traffic = link.traffic
        self.identity = identity
        self.remote_static = session.remote_static
        self.handshake_hash = session.handshake_hash
        self.refused_frames = 0
        self._refused_in_a_row = 0
        self._link = link
        self._session = session

    @property
    def frame_max(self) -> int:
        """Bytes of the longest frame that fits, sealed, into one of the transport's."""
        return self._session.PLAINTEXT_MAX

    def put(self, frame: bytes) -> bool:
        if not 1 <= len(frame) <= self.frame_max:
            raise LocalProtocolError(f"a frame has 1 to {self.frame_max} bytes, not {len(frame)}")
        return self._link.put(self._session.seal(frame))

    async def drain(self) -> None:
        await self._link.drain()

    async def receive(self) -> bytes:
        while True:
            sealed = await self._link.receive()
            try:
                frame = self._session.open(sealed)
            except RemoteProtocolError as error:
                self._refuse(error)
            else:
                self._refused_in_a_row = 0
                return frame

    def _refuse(self, error: RemoteProtocolError) -> None:
        """The network copies a frame now and then; a long row of bad ones is no accident."""
        self.refused_frames += 1
        self._refused_in_a_row += 1
        if self._refused_in_a_row > REFUSED_IN_A_ROW_MAX:
            raise RemoteProtocolError(
                f"{self.peer} sent {self._refused_in_a_row} frames in a row that do not open"
            ) from error

    async def aclose(self) -> None:
        await self._link.aclose()


async def secure_dial(link: Link, credentials: Credentials[T]) -> SecureLink[T]:
    """Shake hands as the side that dialled; owns the link from here on, and closes it on failure.

    Raises Untrusted when the peer proves no membership, Unreachable when it hangs up, as it does
    without a word when it does not trust us.
    """
    async with _closed_on_failure(link):
        handshake = _handshake(credentials, initiator=True)
        await link.send(handshake.write())
        certificate = _read(handshake, await _await_message(link), link.peer)
        identity = _judge(handshake, certificate, credentials)
        await link.send(handshake.write(credentials.certificate))
        return SecureLink(link, handshake.into_session(), identity)


async def secure_accept(link: Link, credentials: Credentials[T]) -> SecureLink[T]:
    """Shake hands as the side that was dialled; otherwise as secure_dial.

    A stranger, without the cluster key, gets not one byte back.
    """
    async with _closed_on_failure(link):
        handshake = _handshake(credentials, initiator=False)
        first = await _await_message(link)
        _read(handshake, first, link.peer)
        await link.send(handshake.write(credentials.certificate))
        certificate = _read_last(handshake, await _await_message(link, unlike=first), link.peer)
        identity = _judge(handshake, certificate, credentials)
        return SecureLink(link, handshake.into_session(), identity)


def _handshake(credentials: Credentials[T], *, initiator: bool) -> Handshake:
    return Handshake(
        LINK_PROTOCOL,
        initiator=initiator,
        static=credentials.static,
        prologue=credentials.prologue,
        psk=credentials.cluster_key,
    )


async def _await_message(link: Link, unlike: bytes = b"") -> bytes:
    """The next handshake message, passing over copies of the one before."""
    try:
        while (message := await link.receive()) == unlike:
            pass
    except Unreachable as error:
        raise Unreachable(
            f"{error} during the handshake: check that both have the same cluster key and protocol "
            "version, and valid certificates"
        ) from error
    return message


def _read(handshake: Handshake, message: bytes, peer: str) -> bytes:
    try:
        return handshake.read(message)
    except PeerError as error:
        raise Untrusted(
            f"{peer} holds another cluster key or speaks another protocol: {error}"
        ) from error


def _read_last(handshake: Handshake, message: bytes, peer: str) -> bytes:
    """The peer has proved the cluster key, so this is a frame that overtook message 3: redial."""
    try:
        return handshake.read(message)
    except PeerError as error:
        raise Unreachable(f"handshake with {peer} was damaged on the way: {error}") from error


def _judge(handshake: Handshake, certificate: bytes, credentials: Credentials[T]) -> T:
    remote_static = handshake.remote_static
    assert remote_static is not None  # both XX messages with a certificate carry the key as well
    return credentials.verify(certificate, remote_static)


@asynccontextmanager
async def _closed_on_failure(link: Link) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        await trio.aclose_forcefully(link)
        raise
