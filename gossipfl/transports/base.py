"""The whole border to the network: links carry frames, transports make links.

Deadlines belong to callers (`trio.fail_after`), so none appear here.  Errors of sockets and of
trio's streams end at this border: a caller sees PeerError for the peer's fault, ConfigError for
ours.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

import attrs
import trio

from gossipfl.errors import LocalProtocolError, PeerError

FRAME_MAX = 65535
PREFIX_BYTES = 2
LINKS_MAX = 64


@attrs.define
class Traffic:
    """What one link cost at its transport: frames, and bytes with their length prefixes.

    IP and TCP headers are not counted: the system adds them where no program can see them.
    """

    sent_bytes: int = 0
    received_bytes: int = 0
    sent_frames: int = 0
    received_frames: int = 0


class Link(trio.abc.AsyncResource):
    """Whole frames of 1 to FRAME_MAX bytes, both ways, to one peer.

    Several tasks may send; one at a time may receive.

    peer: the peer's address, for people and logs; it proves nothing.
    traffic: live counters.
    """

    peer: str
    traffic: Traffic

    @abstractmethod
    def put(self, frame: bytes) -> bool:
        """Hand over one frame, behind those before it; whether all has left already.

        When it has not, whoever put it awaits `drain`: nothing else bounds what waits in here.
        Raises Unreachable when the link is known to be gone.
        """

    @abstractmethod
    async def drain(self) -> None:
        """Until all that was put has left.  Raises Unreachable; cancelling it loses nothing."""

    async def send(self, frame: bytes) -> None:
        """Put one frame, and wait until it has left.  Raises Unreachable."""
        if not self.put(frame):
            await self.drain()

    @abstractmethod
    async def receive(self) -> bytes:
        """The next frame.

        Raises Unreachable when the peer is gone, even when it closed politely, and
        RemoteProtocolError for an illegal frame, after which the link is of no use.  Cancelling it
        loses nothing.
        """


Handler = Callable[[Link], Awaitable[None]]


class Transport(ABC):
    """How peers are reached."""

    @abstractmethod
    async def dial(self, address: str) -> Link:
        """A new link to `address`.  Raises Unreachable, or ConfigError when that is no address."""

    @abstractmethod
    async def serve(
        self, on_link: Handler, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run until cancelled; report the bound address through `task_status`.

        Each accepted link is closed when its `on_link` returns.  A PeerError or a missed deadline
        (trio.TooSlowError) in there ends that link alone; anything else is a bug, and crashes.
        """


@attrs.frozen
class ReceptionStatistics:
    """Links accepted so far: open now, turned away because all were in use, ended by a fault."""

    open: int
    accepted: int
    turned_away: int
    failed: int


class Reception:
    """Looks after accepted links: bounds how many there are, contains their faults, closes them."""

    def __init__(self, links_max: int = LINKS_MAX) -> None:
        self._links_max = links_max
        self._open = self._accepted = self._turned_away = self._failed = 0

    def statistics(self) -> ReceptionStatistics:
        return ReceptionStatistics(self._open, self._accepted, self._turned_away, self._failed)

    async def host(self, link: Link, on_link: Handler) -> None:
        """Run `on_link` and close the link; turned away at once, a dialler can try elsewhere."""
        async with link:
            if self._open >= self._links_max:
                self._turned_away += 1
                return
            self._open += 1
            self._accepted += 1
            try:
                await self._contain(link, on_link)
            finally:
                self._open -= 1

    async def _contain(self, link: Link, on_link: Handler) -> None:
        try:
            await on_link(link)
        except* (PeerError, trio.TooSlowError):  # on_link may open nurseries, which raise groups
            self._failed += 1


def check_frame(frame: bytes, frame_max: int = FRAME_MAX) -> None:
    """Raises LocalProtocolError unless a link can carry the frame."""
    if not 1 <= len(frame) <= frame_max:
        raise LocalProtocolError(f"a frame has 1 to {frame_max} bytes, not {len(frame)}")
