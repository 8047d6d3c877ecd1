"""The life of one link: hello, then messages until it ends."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import trio

from gossipfl.errors import GossipFLError, PeerError, RemoteProtocolError, Untrusted
from gossipfl.gossip.exchange import ExchangeMessage
from gossipfl.membership.book import AddressBook
from gossipfl.node.membership import Membership
from gossipfl.node.mesh import Mesh, Neighbour
from gossipfl.node.neighbourhood import Neighbourhood
from gossipfl.node.observer import Observer
from gossipfl.node.relaying import Relaying
from gossipfl.node.releases import Releases
from gossipfl.node.sharing import Sharing
from gossipfl.security.certificates import Certificate
from gossipfl.transports.address import format_address
from gossipfl.transports.base import Link, Traffic
from gossipfl.transports.secure import SecureLink, secure_accept, secure_dial
from gossipfl.wire.fragments import split
from gossipfl.wire.messages import (
    Hello,
    KnownMoments,
    Members,
    Message,
    Mismatch,
    MomentsUpdate,
    Ping,
    PingRequest,
    PingResult,
    Pong,
    Refusal,
    Reply,
    Request,
    Revocations,
    Seed,
    Wish,
    decode,
)
from gossipfl.wire.relay import RelayClose, RelayFrame, RelayOpen
from gossipfl.wire.releases import KnownRelease, PartsWanted, ReleasePart, ReleaseUpdate


class Exchanges(Protocol):
    """Who runs exchanges: the mixer, or a seed's coordination in front of it."""

    def is_unused(self, neighbour: Neighbour) -> bool:
        """Nothing was ever exchanged with it, and it is for us to begin."""

    async def offer_to(self, neighbour: Neighbour) -> None:
        """Open an exchange."""

    async def take(self, neighbour: Neighbour, message: ExchangeMessage) -> None:
        """One message."""

    def unlinked(self, neighbour: Neighbour) -> None:
        """The link has ended."""


class Sessions:
    """Turns links into neighbours and serves each until it ends."""

    def __init__(
        self,
        membership: Membership,
        hello: Callable[[Wish], Hello],
        mesh: Mesh,
        book: AddressBook,
        mixer: Exchanges,
        sharing: Sharing,
        releases: Releases,
        relaying: Relaying,
        neighbourhood: Neighbourhood,
        handshake_timeout_s: float,
        observer: Observer,
    ) -> None:
        self._membership = membership
        self._hello = hello
        self._instance = hello(Wish.LINK).instance
        self._mesh = mesh
        self._book = book
        self._mixer = mixer
        self._sharing = sharing
        self._releases = releases
        self._relaying = relaying
        self._neighbourhood = neighbourhood
        self._handshake_timeout_s = handshake_timeout_s
        self._observer = observer
        self._open: list[Link] = []
        self._closed = Traffic()

    def traffic(self) -> Traffic:
        """Everything sent and received on all links, as counted by the transport."""
        total = Traffic()
        for part in (self._closed, *(link.traffic for link in self._open)):
            _add(total, part)
        return total

    async def accept(self, link: Link) -> None:
        """Serve a link that a peer dialled; never raises for the peer's faults."""
        async with self._contained(link):
            secure, theirs = await self._shake_hands(link, None)
            if theirs.instance != self._instance and theirs.wish != Wish.VISIT:
                await self._serve(self._neighbour(secure, theirs, dialled=False))

    async def dialled(self, link: Link, entry: str, settled: Callable[[], None]) -> None:
        """Serve a link that we dialled; `entry` is its name in the address book.

        settled: called once it is known whether the dial gave us a neighbour.
        """
        async with self._contained(link):
            neighbour = None
            try:
                wish = Wish.URGENT_LINK if self._mesh.is_urgent else Wish.LINK
                secure, theirs = await self._shake_hands(link, wish)
                self._book.note_reached(entry, theirs.instance)
                if theirs.instance == self._instance:
                    self._book.note_ourselves(entry)
                else:
                    neighbour = self._neighbour(secure, theirs, dialled=True)
            except Untrusted:
                self._book.note_untrusted(entry, trio.current_time())
                raise
            finally:
                settled()
            if neighbour is not None:
                await self._serve(neighbour)

    async def visit(self, link: Link) -> bool:
        """Whether a member answers on a link that we dialled; ends it."""
        answered = False
        async with self._contained(link):
            await self._shake_hands(link, Wish.VISIT)
            answered = True
        return answered

    @asynccontextmanager
    async def _contained(self, link: Link) -> AsyncIterator[None]:
        """Closes the link, counts its bytes, and reports a peer's fault instead of raising it."""
        self._open.append(link)
        try:
            async with link:
                yield
        except (PeerError, trio.TooSlowError) as error:
            self._report(link, error)
        finally:
            self._open.remove(link)
            _add(self._closed, link.traffic)

    async def _shake_hands(
        self, link: Link, wish: Wish | None
    ) -> tuple[SecureLink[Certificate], Hello]:
        """wish: ours; None when it was the peer that dialled."""
        shake_hands = secure_accept if wish is None else secure_dial
        with trio.fail_after(self._handshake_timeout_s):
            secure = await shake_hands(link, self._membership.credentials())
            theirs = await self._say_hello(secure, self._hello(wish or Wish.LINK))
        self._membership.check_current(secure.identity)
        return secure, theirs

    async def _say_hello(self, link: SecureLink[Certificate], ours: Hello) -> Hello:
        await _send(link, ours)
        theirs = decode(await link.receive())
        if isinstance(theirs, Refusal):
            raise Untrusted(f"{link.identity.name} refused us: {theirs.reason}")
        if not isinstance(theirs, Hello):
            raise RemoteProtocolError(f"{link.identity.name} did not say hello first")
        if theirs.manifest_id != ours.manifest_id:
            reason = (
                f"your manifest is {theirs.manifest_id.hex()[:8]}, "
                f"ours {ours.manifest_id.hex()[:8]}: "
                "both devices need join files of the same cluster version"
            )
            await _send(link, Refusal(reason))
            raise Untrusted(f"{link.identity.name} runs another manifest; {reason}")
        return theirs

    def _neighbour(
        self, link: SecureLink[Certificate], hello: Hello, *, dialled: bool
    ) -> Neighbour:
        address = link.peer if dialled else _listening_address(link.peer, hello.port)
        is_central = link.identity.is_seed != self._membership.certificate.is_seed
        now_s = trio.current_time()
        return Neighbour(link, hello, dialled, address, heard_s=now_s, is_central=is_central)

    async def _serve(self, neighbour: Neighbour) -> None:
        refusal = self._mesh.admit(neighbour)
        if refusal is not None:
            await _send(neighbour.link, Refusal(refusal))
            self._observer.emit("link.declined", peer=neighbour.name, reason=refusal)
            return
        self._observer.emit(
            "link.up",
            peer=neighbour.name,
            address=neighbour.address,
            dialled=neighbour.dialled,
            cipher=neighbour.link.protocol,
        )
        reason, since_s = "this node stops", trio.current_time()
        try:
            with neighbour.scope:
                reason = await self._converse(neighbour)
            reason = neighbour.ended or reason
        finally:
            self._mesh.drop(neighbour)
            self._relaying.unlinked(neighbour)
            self._mixer.unlinked(neighbour)
            if self._mesh.find(neighbour.id) is None:
                self._neighbourhood.unlinked(neighbour)
                self._releases.unlinked(neighbour)
            now_s = trio.current_time()
            self._book.note_lost(neighbour.hello.instance, now_s - since_s, now_s)
            self._observer.emit("link.down", peer=neighbour.name, reason=reason)

    async def _converse(self, neighbour: Neighbour) -> str:
        """Serve until the link ends; the reason why it did."""
        try:
            self._neighbourhood.linked(neighbour)
            self._releases.linked(neighbour)
            await self._sharing.greet(neighbour)
            if neighbour.dialled and self._mixer.is_unused(neighbour):
                # A newcomer need not wait for a round to learn what its neighbours know.
                await self._mixer.offer_to(neighbour)
            while True:
                message = await neighbour.receive()
                self._membership.check_current(neighbour.link.identity)
                self._neighbourhood.heard(neighbour)
                if isinstance(message, Refusal):
                    return f"refused by peer: {message.reason}"
                await self._dispatch(neighbour, message)
        except PeerError as error:
            return str(error)

    async def _dispatch(self, neighbour: Neighbour, message: Message) -> None:
        match message:
            case Request() if self._releases.passes_over(neighbour):
                pass  # as if lost: it is repeated
            case Request() | Reply() | Mismatch() | Seed():
                await self._mixer.take(neighbour, message)
            case KnownMoments():
                await self._sharing.take_known_moments(neighbour, message)
            case MomentsUpdate():
                await self._sharing.take_moments(neighbour, message)
            case Revocations():
                await self._sharing.take_revocations(message.signed, neighbour)
            case Members() | PingRequest() | PingResult():
                await self._neighbourhood.take(neighbour, message)
            case KnownRelease() | ReleaseUpdate() | PartsWanted() | ReleasePart():
                await self._releases.take(neighbour, message)
            case RelayOpen() | RelayFrame() | RelayClose():
                await self._relaying.take(neighbour, message)
            case Ping():
                await neighbour.send(Pong())
            case Pong():
                pass
            case _:
                raise RemoteProtocolError(f"a {type(message).__name__} in the middle of a link")

    def _report(self, link: Link, error: GossipFLError | trio.TooSlowError) -> None:
        reason = (
            "the handshake took too long" if isinstance(error, trio.TooSlowError) else str(error)
        )
        kind = "peer.untrusted" if isinstance(error, Untrusted) else "link.failed"
        self._observer.emit(kind, address=link.peer, reason=reason)


async def _send(link: SecureLink[Certificate], message: Message) -> None:
    for frame in split(message):
        await link.send(frame)


def _add(total: Traffic, part: Traffic) -> None:
    total.sent_bytes += part.sent_bytes
    total.received_bytes += part.received_bytes
    total.sent_frames += part.sent_frames
    total.received_frames += part.received_frames


def _listening_address(peer: str, port: int) -> str:
    """Where a peer that dialled us can be dialled itself; empty when it cannot."""
    host = peer.rpartition(":")[0].strip("[]")
    return format_address(host, port) if host and port else ""
