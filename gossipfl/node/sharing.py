"""What neighbours tell each other besides deltas: statistics, revocations, addresses."""

from typing import Final

import trio

from gossipfl.errors import PeerError
from gossipfl.learning.statistics import Moments, MomentSet
from gossipfl.node.membership import Membership
from gossipfl.node.mesh import AddressBook, Mesh, Neighbour
from gossipfl.node.observer import Observer
from gossipfl.wire.messages import (
    PEERS_MAX,
    KnownMoments,
    MomentsUpdate,
    Peers,
    Revocations,
)

HINT_WAIT_S: Final = 2.0


class Sharing:
    """Spreads what every member should know, each piece once over each link."""

    def __init__(
        self,
        moments: MomentSet,
        membership: Membership,
        mesh: Mesh,
        book: AddressBook,
        observer: Observer,
        *,
        hints: bool,
    ) -> None:
        self.moments = moments
        self.moments_changed_s = trio.current_time()
        self.heard_any = False
        self._membership = membership
        self._mesh = mesh
        self._book = book
        self._observer = observer
        self._hints = hints

    async def greet(self, neighbour: Neighbour) -> None:
        """Tell a fresh neighbour what we hold and whom else we know."""
        if self.moments.groups:
            await neighbour.send(KnownMoments(self.moments.digests()))
        if neighbour.hello.revocations < self._membership.revocations.version:
            await neighbour.send(Revocations(self._membership.signed_revocations))
        others = tuple(other.address for other in self._mesh if other is not neighbour)
        known = tuple(address for address in others if address)
        if known:
            await neighbour.send(Peers(known[:PEERS_MAX]))

    async def take_known_moments(self, neighbour: Neighbour, message: KnownMoments) -> None:
        """Send the statistics that the neighbour lacks."""
        self.heard_any = True
        neighbour.known_moments.update(message.digests)
        await self._send_moments(neighbour)

    async def take_moments(self, neighbour: Neighbour, message: MomentsUpdate) -> None:
        """Keep what is new and pass it on.  Raises RemoteProtocolError for illegal entries."""
        self.heard_any = True
        entries = [self.moments.decode(entry) for entry in message.entries]
        neighbour.known_moments.update(entry.digest() for entry in entries)
        if any([self.moments.add(entry) for entry in entries]):
            await self.spread_moments()

    async def spread_moments(self) -> None:
        """Send every neighbour the statistics that it lacks."""
        self.moments_changed_s = trio.current_time()
        for neighbour in self._mesh:
            try:
                await self._send_moments(neighbour)
            except PeerError:
                continue  # its own session notices, and ends

    async def take_revocations(self, signed: bytes, sender: Neighbour | None) -> None:
        """Adopt a newer list, cut revoked neighbours off, and pass it on.

        Raises Untrusted when the list is not the authority's.
        """
        if not await self._membership.adopt(signed):
            return
        self._observer.emit("revocations.adopted", version=self._membership.revocations.version)
        for other in self._mesh:
            if other.link.identity.serial in self._membership.revocations.serials:
                self._observer.emit("link.revoked", peer=other.name)
                other.end("its certificate has been revoked")
            elif other is not sender:
                try:
                    await other.send(Revocations(signed))
                except PeerError:
                    continue

    async def take_peers(self, message: Peers) -> None:
        """Note addresses to try when we want more links."""
        for address in message.addresses if self._hints else ():
            self._book.note(address, (address,), wait_s=HINT_WAIT_S)

    async def _send_moments(self, neighbour: Neighbour) -> None:
        lacking: list[Moments] = self.moments.missing_from(neighbour.known_moments)
        if lacking:
            neighbour.known_moments.update(entry.digest() for entry in lacking)
            await neighbour.send(MomentsUpdate(tuple(entry.encode() for entry in lacking)))
