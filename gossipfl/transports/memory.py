"""A network in memory, on trio's clock: delays, loss, reordering, copies, partitions from one seed.

The injected twin of the real transports.  Under MockClock a run takes no time, and the same seed
gives the same run to the frame: nothing here iterates over a set or starts a hidden task.
"""

import heapq
import itertools
import math
from collections.abc import Iterable

import attrs
import numpy as np
import trio
from attrs.validators import and_, ge, le

from gossipfl.errors import ConfigError, Unreachable
from gossipfl.transports.base import (
    LINKS_MAX,
    PREFIX_BYTES,
    Handler,
    Link,
    Reception,
    ReceptionStatistics,
    Traffic,
    Transport,
    check_frame,
)

_PROBABILITY = and_(ge(0.0), le(1.0))
_BACKLOG = 64


@attrs.frozen(kw_only=True)
class Faults:
    """What happens to frames in one direction between two names.

    delay_s: seconds that every frame takes.
    jitter_s: up to so many more, uniformly; on its own it never changes the order.
    loss: probability that a frame vanishes.
    reorder: probability that a frame is held for `hold_s` seconds while others overtake it.
    duplicate: probability that a frame arrives twice, the copy with its own jitter and hold.
    queue_max: frames in flight; more are lost, as in a router.
    """

    delay_s: float = attrs.field(default=0.0, validator=ge(0))
    jitter_s: float = attrs.field(default=0.0, validator=ge(0))
    loss: float = attrs.field(default=0.0, validator=_PROBABILITY)
    reorder: float = attrs.field(default=0.0, validator=_PROBABILITY)
    hold_s: float = attrs.field(default=0.05, validator=ge(0))
    duplicate: float = attrs.field(default=0.0, validator=_PROBABILITY)
    queue_max: int = attrs.field(default=1024, validator=ge(1))


class MemoryNetwork:
    """Names, who serves them, and what the paths between them do to frames.

    faults: of every path that `impair` has not set; may be replaced at any time.
    """

    def __init__(self, rng: np.random.Generator, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._rng = rng
        self._impaired: dict[tuple[str, str], Faults] = {}
        self._cuts: list[tuple[frozenset[str], frozenset[str]]] = []
        self._served: dict[str, trio.MemorySendChannel[MemoryLink]] = {}

    def transport(self, name: str, *, links_max: int = LINKS_MAX) -> "MemoryTransport":
        """The transport of the participant `name`, which is also its address."""
        return MemoryTransport(self, name, links_max)

    def impair(self, sender: str, receiver: str, faults: Faults) -> None:
        """Set the faults of one direction; what is in flight already stays as it was."""
        self._impaired[sender, receiver] = faults

    def partition(self, some: Iterable[str], others: Iterable[str]) -> None:
        """Silently lose all that passes between the two, both ways, until heal()."""
        self._cuts.append((frozenset(some), frozenset(others)))

    def heal(self) -> None:
        """End all partitions."""
        self._cuts.clear()

    def is_cut(self, sender: str, receiver: str) -> bool:
        ends = sender, receiver
        return any(_crosses(ends, cut) or _crosses(ends, cut[::-1]) for cut in self._cuts)

    def faults_of(self, sender: str, receiver: str) -> Faults:
        return self._impaired.get((sender, receiver), self.faults)

    def arrivals(self, sender: str, receiver: str) -> list[tuple[float, bool]]:
        """Draw the fate of one frame: (seconds until it arrives, was it held) for each copy."""
        faults = self.faults_of(sender, receiver)
        # Always as many draws, so that changing one fault leaves the others as they were.
        draws = self._rng.random(6).tolist()
        copies = 0 if draws[0] < faults.loss else 2 if draws[1] < faults.duplicate else 1
        return [_arrival(faults, draws[2 + 2 * i], draws[3 + 2 * i]) for i in range(copies)]

    def open_name(self, name: str) -> "trio.MemoryReceiveChannel[MemoryLink]":
        """Start to serve a name.  Raises ConfigError when it is served already."""
        if name in self._served:
            raise ConfigError(f"{name} is served already: give every node its own name")
        self._served[name], incoming = trio.open_memory_channel[MemoryLink](_BACKLOG)
        return incoming

    def close_name(self, name: str) -> None:
        self._served.pop(name).close()

    async def connect(self, dialler: str, address: str) -> "MemoryLink":
        """Takes one round trip, as TCP does.  Raises Unreachable."""
        faults = self.faults_of(dialler, address), self.faults_of(address, dialler)
        await trio.sleep(sum(each.delay_s for each in faults))
        if self.is_cut(dialler, address) or address not in self._served:
            raise Unreachable(f"{address} does not answer: not served, or behind a partition")
        ours, theirs = _linked(self, dialler, address)
        try:
            self._served[address].send_nowait(theirs)
        except trio.WouldBlock:
            raise Unreachable(f"{address} does not answer: too many dial it at once") from None
        return ours


class MemoryTransport(Transport):
    """One participant's access to the network; made by MemoryNetwork.transport."""

    def __init__(self, network: MemoryNetwork, name: str, links_max: int) -> None:
        self._network = network
        self._name = name
        self._reception = Reception(links_max)

    def statistics(self) -> ReceptionStatistics:
        return self._reception.statistics()

    async def dial(self, address: str) -> Link:
        return await self._network.connect(self._name, address)

    async def serve(
        self, on_link: Handler, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        incoming = self._network.open_name(self._name)
        try:
            async with trio.open_nursery() as nursery:
                task_status.started(self._name)
                async for link in incoming:
                    nursery.start_soon(self._reception.host, link, on_link)
        finally:
            self._network.close_name(self._name)
            for link in _drain(incoming):
                link.close()
            incoming.close()


class MemoryLink(Link):
    """One end.  Traffic is counted as TCP would, with length prefixes."""

    def __init__(self, peer: str, outgoing: "_Path", incoming: "_Path") -> None:
        self.peer = peer
        self.traffic = Traffic()
        self._outgoing = outgoing
        self._incoming = incoming

    async def send(self, frame: bytes) -> None:
        check_frame(frame)
        await trio.lowlevel.checkpoint()
        if self._outgoing.closed or self._incoming.ended():
            raise Unreachable(f"{self.peer} is gone")
        self._outgoing.put(frame)
        self.traffic.sent_bytes += PREFIX_BYTES + len(frame)
        self.traffic.sent_frames += 1

    async def receive(self) -> bytes:
        frame = await self._incoming.get()
        if frame is None:
            raise Unreachable(f"{self.peer} is gone")
        self.traffic.received_bytes += PREFIX_BYTES + len(frame)
        self.traffic.received_frames += 1
        return frame

    def close(self) -> None:
        """Frames in flight still arrive at the other end, then it hears of the close."""
        self._outgoing.close()
        self._incoming.abandon()

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()


class _Path:
    """One direction of one link: a heap of what is in flight, by arrival.  None is the close."""

    def __init__(self, network: MemoryNetwork, sender: str, receiver: str) -> None:
        self.closed = False
        self._network = network
        self._ends = sender, receiver
        self._in_flight: list[tuple[float, int, bytes | None]] = []
        self._sequence = itertools.count()
        self._last_s = -math.inf
        self._changed = trio.Event()

    def put(self, frame: bytes) -> None:
        fates = self._network.arrivals(*self._ends)
        queue_max = self._network.faults_of(*self._ends).queue_max
        if self._network.is_cut(*self._ends):
            return
        for after_s, held in fates[: queue_max - len(self._in_flight)]:
            self._schedule(frame, after_s, held)

    def close(self) -> None:
        """The other end hears of it, unless a partition lies between: then it waits in vain."""
        if self.closed:
            return
        self.closed = True
        self._last_s = max([self._last_s, *(arrival_s for arrival_s, _, _ in self._in_flight)])
        if not self._network.is_cut(*self._ends):
            self._schedule(None, self._network.faults_of(*self._ends).delay_s, False)

    def abandon(self) -> None:
        """The receiving end closed itself."""
        self._in_flight = [(-math.inf, next(self._sequence), None)]
        self._wake()

    def ended(self) -> bool:
        """Has the close arrived, and nothing else is left to read?"""
        return bool(self._in_flight) and self._due() and self._in_flight[0][2] is None

    async def get(self) -> bytes | None:
        """The next frame, once it has arrived; None when the link is closed."""
        await trio.lowlevel.checkpoint()
        while not self._due():
            await self._wait()
        if self._in_flight[0][2] is None:
            return None  # stays there for the next call
        return heapq.heappop(self._in_flight)[2]

    def _due(self) -> bool:
        return bool(self._in_flight) and self._in_flight[0][0] <= trio.current_time()

    async def _wait(self) -> None:
        """Until the next frame is due, or the schedule changes."""
        with trio.move_on_at(self._in_flight[0][0] if self._in_flight else math.inf):
            await self._changed.wait()

    def _schedule(self, frame: bytes | None, after_s: float, held: bool) -> None:
        arrival_s = trio.current_time() + after_s
        if not held:  # held frames alone may be overtaken
            arrival_s = self._last_s = max(self._last_s, arrival_s)
        heapq.heappush(self._in_flight, (arrival_s, next(self._sequence), frame))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def _crosses(ends: tuple[str, str], cut: tuple[frozenset[str], ...]) -> bool:
    return ends[0] in cut[0] and ends[1] in cut[1]


def _linked(network: MemoryNetwork, dialler: str, address: str) -> tuple[MemoryLink, MemoryLink]:
    there, back = _Path(network, dialler, address), _Path(network, address, dialler)
    return MemoryLink(address, there, back), MemoryLink(dialler, back, there)


def _arrival(faults: Faults, jitter: float, reorder: float) -> tuple[float, bool]:
    held = reorder < faults.reorder
    after_s = faults.delay_s + faults.jitter_s * jitter + faults.hold_s * held
    return after_s, held


def _drain(incoming: "trio.MemoryReceiveChannel[MemoryLink]") -> list[MemoryLink]:
    """Dialled, but not yet looked at."""
    links = []
    while True:
        try:
            links.append(incoming.receive_nowait())
        except (trio.WouldBlock, trio.EndOfChannel):
            return links
