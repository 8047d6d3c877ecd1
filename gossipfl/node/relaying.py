"""A node's part in relayed links: their ends everywhere, and in seeds what lies between.

A seed passes frames between two members that it is linked to and reads none of them: they are
sealed from end to end.  How many links, frames that wait, and bytes a minute are bounded.
"""

from collections.abc import Callable
from typing import Final

import trio
from attrs import define, frozen

from gossipfl.errors import PeerError, RemoteProtocolError, Unreachable
from gossipfl.membership.ration import Ration
from gossipfl.membership.records import Id
from gossipfl.node.mesh import Neighbour
from gossipfl.node.observer import Observer
from gossipfl.transports.base import Link
from gossipfl.transports.relay import WAITING_MAX, RelayLink, RelayTransport, relay_address
from gossipfl.wire.messages import Message
from gossipfl.wire.relay import RelayClose, RelayFrame, RelayOpen

NUMBER_MAX: Final = 2**16 - 1
# Of one seed: relayed links in all, and that one member opens; bytes that one link passes a minute.
PAIRS_MAX: Final = 64
PAIRS_OF_ONE_MAX: Final = 8
MINUTE_BYTES_MAX: Final = 4 * 1024 * 1024
MINUTE_S: Final = 60.0

RelayMessage = RelayOpen | RelayFrame | RelayClose


@frozen
class End:
    """One end of a relayed link, at one of our neighbours; ours: the number is."""

    neighbour: Neighbour
    number: int
    ours: bool

    @property
    def key(self) -> tuple[Id, int, bool]:
        """Names it among all."""
        return self.neighbour.id, self.number, self.ours


@define(eq=False)
class Passage:
    """One way through a seed: frames from one end wait in `waiting`, and leave `to` the other."""

    come_from: End
    to: End
    opened_by: Id
    ration: Ration
    waiting: trio.MemorySendChannel[bytes]


class Relaying:
    """Relayed links of one node."""

    def __init__(
        self,
        own: Id,
        is_seed: bool,
        transport: RelayTransport,
        find: Callable[[Id], Neighbour | None],
        observer: Observer,
    ) -> None:
        """find: the neighbour with this id, if there is one."""
        self._own = own
        self._is_seed = is_seed
        self._transport = transport
        self._find = find
        self._observer = observer
        self._ends: dict[tuple[Id, int, bool], tuple[End, RelayLink]] = {}
        self._passages: dict[tuple[Id, int, bool], Passage] = {}
        self._number = 0
        self._nursery: trio.Nursery | None = None
        transport.through = self.dial

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = None  # links that end after us have nobody left to tell

    async def dial(self, member: Id, seed: Id) -> Link:
        """A link to a member through a seed.  Raises Unreachable when we are not linked to it."""
        neighbour = self._find(seed)
        if neighbour is None or not neighbour.link.identity.is_seed:
            raise Unreachable("we are not linked to the seed that would relay")
        end = End(neighbour, self._next_number(), ours=True)
        link = self._make_end(end, relay_address(member, seed))
        await neighbour.send(RelayOpen(end.number, member))
        return link

    async def take(self, neighbour: Neighbour, message: RelayMessage) -> None:
        """One message.  Raises RemoteProtocolError for what only faulty or hostile members send."""
        match message:
            case RelayOpen(number, member):
                await self._on_open(neighbour, number, member)
            case RelayFrame(number, mine, body):
                self._on_frame((neighbour.id, number, not mine), body)
            case RelayClose(number, mine, reason):
                self._on_close((neighbour.id, number, not mine), reason)

    def unlinked(self, neighbour: Neighbour) -> None:
        """This link has ended, and all that went through it."""
        for end, link in [each for each in self._ends.values() if each[0].neighbour is neighbour]:
            del self._ends[end.key]
            link.end("the seed is gone")
        for passage in list(self._passages.values()):
            if passage.come_from.neighbour is neighbour:
                self._on_close(passage.come_from.key, f"{neighbour.name} is gone")

    def addresses(self, neighbours: list[Neighbour]) -> tuple[str, ...]:
        """Where others can dial us through those of our neighbours that are seeds."""
        seeds = [each for each in neighbours if each.link.identity.is_seed]
        return tuple(relay_address(self._own, seed.id) for seed in seeds)

    async def _on_open(self, neighbour: Neighbour, number: int, member: Id) -> None:
        given = End(neighbour, number, ours=False)
        if given.key in self._ends or given.key in self._passages:
            raise RemoteProtocolError("opened one relayed link twice")
        if neighbour.link.identity.is_seed and not self._is_seed:
            self._serve_end(given, member)
            return
        if not self._is_seed:
            raise RemoteProtocolError("wants us to relay, but we are no seed")
        reason = self._pass_between(given, member)
        if reason is not None:
            await neighbour.send(RelayClose(number, False, reason))

    def _serve_end(self, end: End, member: Id) -> None:
        if self._nursery is None:
            return
        link = self._make_end(end, relay_address(member, end.neighbour.id))
        self._nursery.start_soon(self._transport.host, link)

    def _make_end(self, end: End, peer: str) -> RelayLink:
        def put(frame: bytes) -> bool:
            return end.neighbour.put(RelayFrame(end.number, end.ours, frame))

        def closed() -> None:
            self._ends.pop(end.key, None)
            self._send_soon(end, RelayClose(end.number, end.ours, "closed by the other end"))

        link = RelayLink(peer, put, end.neighbour.drain, closed)
        self._ends[end.key] = end, link
        return link

    def _pass_between(self, one: End, member: Id) -> str | None:
        """Join two members; or say, in one line, why not."""
        target, opener = self._find(member), one.neighbour.id
        if target is None or target is one.neighbour or self._nursery is None:
            return "that member is not linked to this seed"
        opened = [each.opened_by for each in self._passages.values()]
        if len(opened) >= 2 * PAIRS_MAX or opened.count(opener) >= 2 * PAIRS_OF_ONE_MAX:
            return "this seed relays as many links as it may"
        other = End(target, self._next_number(), ours=True)
        ration = Ration(MINUTE_BYTES_MAX, MINUTE_S, trio.current_time())
        for here, there in ((one, other), (other, one)):
            self._start_passage(here, there, opener, ration)
        self._send_soon(other, RelayOpen(other.number, opener))
        self._observer.emit("relay.opened", peer=one.neighbour.name, to=target.name)
        return None

    def _start_passage(self, here: End, there: End, opener: Id, ration: Ration) -> None:
        assert self._nursery is not None
        waiting, frames = trio.open_memory_channel[bytes](WAITING_MAX)
        self._passages[here.key] = Passage(here, there, opener, ration, waiting)
        self._nursery.start_soon(self._pump, frames, there)

    async def _pump(self, frames: "trio.MemoryReceiveChannel[bytes]", there: End) -> None:
        """Frames in order, as fast as the other end reads them."""
        async for frame in frames:
            try:
                await there.neighbour.send(RelayFrame(there.number, there.ours, frame))
            except PeerError:
                return  # its session notices, and ends what goes through it

    def _on_frame(self, key: tuple[Id, int, bool], body: bytes) -> None:
        if key in self._ends:
            self._ends[key][1].arrive(body)
            return
        passage = self._passages.get(key)
        if passage is not None and passage.ration.take(len(body), trio.current_time()):
            try:
                passage.waiting.send_nowait(body)
            except (trio.WouldBlock, trio.BrokenResourceError):
                return  # lost, as on a bad line

    def _on_close(self, key: tuple[Id, int, bool], reason: str) -> None:
        if key in self._ends:
            self._ends.pop(key)[1].end(reason)
        passage = self._passages.pop(key, None)
        if passage is not None:
            passage.waiting.close()
            there = passage.to
            back = self._passages.pop(there.key, None)
            if back is not None:
                back.waiting.close()
            self._send_soon(there, RelayClose(there.number, there.ours, reason))

    def _send_soon(self, end: End, message: Message) -> None:
        async def send() -> None:
            try:
                await end.neighbour.send(message)
            except PeerError:
                return

        if self._nursery is not None:
            self._nursery.start_soon(send)

    def _next_number(self) -> int:
        used = {number for _, number, ours in (*self._ends, *self._passages) if ours}
        while True:
            self._number = self._number % NUMBER_MAX + 1
            if self._number not in used:
                return self._number
