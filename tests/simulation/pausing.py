"""Machines that stand still: nothing goes in or out of a paused one, and nothing of it is lost."""

from typing import Final

import trio

from gossipfl.transports.base import Handler, Link, ReceptionStatistics, Transport


class Gate:
    """Closed while its machine is paused."""

    def __init__(self) -> None:
        self._opened: trio.Event | None = None

    def close(self) -> None:
        self._opened = self._opened or trio.Event()

    def open(self) -> None:
        if self._opened is not None:
            self._opened.set()
            self._opened = None

    @property
    def is_open(self) -> bool:
        return self._opened is None

    async def passed(self) -> None:
        """At once, or when the machine goes on."""
        while self._opened is not None:
            await self._opened.wait()


class PausingTransport(Transport):
    """Another transport, behind a gate."""

    def __init__(self, transport: Transport, gate: Gate) -> None:
        self._transport: Final = transport
        self._gate: Final = gate

    def statistics(self) -> ReceptionStatistics:
        return self._transport.statistics()

    async def dial(self, address: str) -> Link:
        await self._gate.passed()
        return _PausingLink(await self._transport.dial(address), self._gate)

    async def serve(
        self, on_link: Handler, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        async def behind(link: Link) -> None:
            await on_link(_PausingLink(link, self._gate))

        await self._transport.serve(behind, task_status=task_status)


class _PausingLink(Link):
    def __init__(self, link: Link, gate: Gate) -> None:
        self.peer = link.peer
        self.traffic = link.traffic
        self._link = link
        self._gate = gate
        self._waiting: bytes | None = None
        self._held: list[bytes] = []

    def put(self, frame: bytes) -> bool:
        self._held.append(frame)
        return self._gate.is_open and self._let_go()

    def _let_go(self) -> bool:
        held, self._held = self._held, []
        return all([self._link.put(frame) for frame in held])

    async def drain(self) -> None:
        await self._gate.passed()
        self._let_go()
        await self._link.drain()

    async def receive(self) -> bytes:
        if self._waiting is None:  # kept here, so that cancelling loses nothing
            self._waiting = await self._link.receive()
        await self._gate.passed()
        frame, self._waiting = self._waiting, None
        return frame

    async def aclose(self) -> None:
        await self._link.aclose()
