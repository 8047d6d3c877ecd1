"""One link in memory: two paths of frames in flight, sorted by when they arrive."""

import heapq
import itertools
import math

import trio

from gossipfl.errors import Unreachable
from gossipfl.transports.base import PREFIX_BYTES, Link, Traffic, check_frame
from gossipfl.transports.faults import Conditions, Faults


def memory_link_pair(
    conditions: Conditions, dialler: str, address: str
) -> "tuple[MemoryLink, MemoryLink]":
    """Both ends: the dialler's, and that of the one at `address`."""
    there, back = _Path(conditions, dialler, address), _Path(conditions, address, dialler)
    return MemoryLink(address, there, back), MemoryLink(dialler, back, there)


class MemoryLink(Link):
    """One end.  Traffic is counted as TCP would, with length prefixes."""

    def __init__(self, peer: str, outgoing: "_Path", incoming: "_Path") -> None:
        self.peer = peer
        self.traffic = Traffic()
        self._outgoing = outgoing
        self._incoming = incoming

    def put(self, frame: bytes) -> bool:
        check_frame(frame)
        if self._outgoing.closed or self._incoming.ended():
            raise Unreachable(f"{self.peer} is gone")
        self._outgoing.put(frame)
        self.traffic.sent_bytes += PREFIX_BYTES + len(frame)
        self.traffic.sent_frames += 1
        return True

    async def drain(self) -> None:
        await trio.lowlevel.checkpoint()

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

    def __init__(self, conditions: Conditions, sender: str, receiver: str) -> None:
        self.closed = False
        self._conditions = conditions
        self._ends = sender, receiver
        self._in_flight: list[tuple[float, int, bytes | None]] = []
        self._sequence = itertools.count()
        self._last_s = self._free_s = -math.inf
        self._changed = trio.Event()

    def put(self, frame: bytes) -> None:
        fates = self._conditions.arrivals(*self._ends)
        faults = self._conditions.faults_of(*self._ends)
        for after_s, held in fates:
            if len(self._in_flight) < faults.queue_max and not self._conditions.is_cut(*self._ends):
                self._schedule(frame, after_s + self._queued_s(frame, faults), held)

    def _queued_s(self, frame: bytes, faults: Faults) -> float:
        """Until the frame has left, behind those before it."""
        if faults.bytes_per_s is None:
            return 0.0
        now_s = trio.current_time()
        self._free_s = max(now_s, self._free_s) + len(frame) / faults.bytes_per_s
        return self._free_s - now_s

    def close(self) -> None:
        """The other end hears of it, unless a partition lies between: then it waits in vain."""
        if self.closed:
            return
        self.closed = True
        self._last_s = max([self._last_s, *(arrival_s for arrival_s, _, _ in self._in_flight)])
        if not self._conditions.is_cut(*self._ends):
            self._schedule(None, self._conditions.faults_of(*self._ends).delay_s, False)

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
