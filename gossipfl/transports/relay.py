"""Links between two members that cannot reach each other, through a seed that both are linked to.

A relayed link carries frames like any other, so the two ends shake hands on it as they would over
TCP, and the seed sees sealed frames only.  Frames that come faster than they are read are lost, as
sealed links bear.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from gossipfl.errors import Unreachable
from gossipfl.transports.base import (
    Handler,
    Link,
    Reception,
    Traffic,
    Transport,
    check_frame,
)

WAITING_MAX: Final = 16
RELAYED_MAX: Final = 8
_ADDRESS: Final = re.compile(r"([0-9a-f]{16})\.([0-9a-f]{16})\.relay:[0-9]{1,5}")

Put = Callable[[bytes], bool]
Drain = Callable[[], Awaitable[None]]
Dial = Callable[[bytes, bytes], Awaitable[Link]]


def relay_address(member: bytes, seed: bytes) -> str:
    """Where a member can be dialled through a seed (both ids), in the form of all addresses."""
    return f"{member.hex()}.{seed.hex()}.relay:1"


def parse_relay_address(address: str) -> tuple[bytes, bytes] | None:
    """(member, seed), or None for an address of another kind."""
    found = _ADDRESS.fullmatch(address)
    return (bytes.fromhex(found[1]), bytes.fromhex(found[2])) if found else None


class RelayLink(Link):
    """One end.

    traffic: nothing of its own, since its bytes are those of the link to the seed.
    """

    def __init__(self, peer: str, put: Put, drain: Drain, closed: Callable[[], None]) -> None:
        """put, drain: as a link's, towards the seed; closed: called once, when we end the link."""
        self.peer = peer
        self.traffic = Traffic()
        self._put = put
        self._drain = drain
        self._closed = closed
        self._ended: str | None = None
        self._coming, self._arrived = trio.open_memory_channel[bytes](WAITING_MAX)

    def put(self, frame: bytes) -> bool:
        check_frame(frame)
        if self._ended is not None:
            raise Unreachable(self._ended)
        return self._put(frame)

    async def drain(self) -> None:
        await self._drain()

    async def receive(self) -> bytes:
        try:
            return await self._arrived.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            raise Unreachable(self._ended or f"{self.peer} is gone") from None

    def arrive(self, frame: bytes) -> bool:
        """A frame came from the seed; False when it had to be dropped."""
        try:
            self._coming.send_nowait(frame)
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        return True

    def end(self, reason: str) -> None:
        """The seed says that it is over; what has arrived can still be read."""
        if self._ended is None:
            self._ended = reason
            self._coming.close()

    async def aclose(self) -> None:
        if self._ended is None:
            self.end("closed here")
            self._closed()
        self._arrived.close()
        await trio.lowlevel.checkpoint()


class RelayTransport(Transport):
    """Another transport, and beside it the way through seeds, for addresses that name one.

    through: dials (member, seed) once the node is linked to seeds.
    """

    def __init__(self, direct: Transport) -> None:
        self._direct = direct
        self._reception = Reception(RELAYED_MAX)
        self._on_link: Handler | None = None
        self.through: Dial | None = None

    async def dial(self, address: str) -> Link:
        named = parse_relay_address(address)
        if named is None:
            return await self._direct.dial(address)
        if self.through is None:
            raise Unreachable(f"{address}: this node is linked to no seed")
        return await self.through(*named)

    async def serve(
        self, on_link: Handler, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        self._on_link = on_link
        await self._direct.serve(on_link, task_status=task_status)

    async def host(self, link: Link) -> None:
        """A member that a seed brings to us: served like one that dialled."""
        if self._on_link is not None:
            await self._reception.host(link, self._on_link)
