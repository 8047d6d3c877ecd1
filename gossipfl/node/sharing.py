"""What neighbours tell each other besides deltas and members: statistics and revocations."""

from collections.abc import Iterator
from typing import Final

import trio

from gossipfl.data.statistics import Moments, MomentSet
from gossipfl.errors import PeerError, RemoteProtocolError, StateError
from gossipfl.node.membership import Membership
from gossipfl.node.mesh import Mesh, Neighbour
from gossipfl.node.observer import Observer
from gossipfl.wire.messages import (
    MOMENTS_MAX,
    KnownMoments,
    MomentsUpdate,
    Revocations,
)

UPDATE_BYTES_MAX: Final = 256 * 1024
KNOWN_MAX: Final = 4 * MOMENTS_MAX
REPEATED_MAX: Final = 10


class Sharing:
    """Spreads what every member should know, each piece once over each link."""

    def __init__(
        self,
        moments: MomentSet,
        membership: Membership,
        mesh: Mesh,
        observer: Observer,
        *,
        pooled: bool,
    ) -> None:
        """pooled: whether the cluster agrees on `moments`; else they are told to nobody."""
        self.moments = moments
        self.moments_changed_s = trio.current_time()
        self.heard_any = False
        self._own: Moments | None = None
        self._repeated = 0
        self._membership = membership
        self._mesh = mesh
        self._observer = observer
        self.pooled = pooled

    async def greet(self, neighbour: Neighbour) -> None:
        """Tell a fresh neighbour what we hold."""
        if self.pooled:
            await neighbour.send(KnownMoments(self.moments.digests()))
        if neighbour.hello.revocations < self._membership.revocations.version:
            await neighbour.send(Revocations(self._membership.signed_revocations))

    async def take_known_moments(self, neighbour: Neighbour, message: KnownMoments) -> None:
        """Send the statistics that the neighbour lacks.  Raises RemoteProtocolError."""
        self._check_pooled()
        self.heard_any = True
        self._note_known(neighbour, message.digests)
        await self._send_moments(neighbour)

    async def take_moments(self, neighbour: Neighbour, message: MomentsUpdate) -> None:
        """Keep what is new and pass it on.  Raises RemoteProtocolError for illegal entries."""
        self._check_pooled()
        self.heard_any = True
        entries = [self.moments.decode(entry) for entry in message.entries]
        is_news = any([self.moments.add(entry) for entry in entries])
        is_news |= self._repeat_own()
        self._note_known(neighbour, tuple(entry.digest() for entry in entries))
        if is_news:
            await self.spread_moments()

    def _check_pooled(self) -> None:
        if not self.pooled:
            raise RemoteProtocolError("statistics, which this cluster does not share")

    def note_own(self, own: Moments) -> bool:
        """Our own statistics; whether they are news to others, who have to be told then."""
        known = self.moments.of(own.owner)
        if known is not None and not own.is_news(known):
            return False
        self.moments.publish(own)
        self._own = self.moments.of(own.owner)
        return True

    def _repeat_own(self) -> bool:
        """Say anew what we said, where a neighbour remembers better than our own lost state.

        Not for ever: a copy of this device, or a forger, would keep us at it.
        """
        if self._own is None or self._repeated == REPEATED_MAX:
            return False
        held = self.moments.of(self._own.owner)
        if held is None or held.digest() == self._own.digest():
            return False
        self._repeated += 1
        self.moments.publish(self._own)
        self._own = self.moments.of(self._own.owner)
        return True

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
        if not await self._adopt(signed):
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

    async def _adopt(self, signed: bytes) -> bool:
        try:
            return await self._membership.adopt(signed)
        except StateError as error:  # it counts from now on, though not after a restart
            self._observer.emit("state.write_failed", error=str(error))
            return True

    def _note_known(self, neighbour: Neighbour, digests: tuple[bytes, ...]) -> None:
        neighbour.known_moments.update(digests)
        if len(neighbour.known_moments) > KNOWN_MAX:  # what we do not hold we would not send
            neighbour.known_moments.intersection_update(self.moments.digests())

    async def _send_moments(self, neighbour: Neighbour) -> None:
        lacking = self.moments.missing_from(neighbour.known_moments)
        self._note_known(neighbour, tuple(entry.digest() for entry in lacking))
        for entries in _batches(lacking):
            await neighbour.send(MomentsUpdate(entries))


def _batches(moments: list[Moments]) -> Iterator[tuple[bytes, ...]]:
    """Encoded entries in portions that fit into one message each."""
    batch: list[bytes] = []
    for entry in (each.encode() for each in moments):
        if batch and sum(map(len, batch)) + len(entry) > UPDATE_BYTES_MAX:
            yield tuple(batch)
            batch = []
        batch.append(entry)
    if batch:
        yield tuple(batch)
