"""Serial lines between emulated boards and a gateway: what the one end writes, the other reads."""

import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio
from attrs import define, field

from gossipfl.node.harness.boards import Board

READ_BYTES: Final = 4096


@define
class Line:
    """One board's line; `path` is where a gateway opens it.

    sent: bytes that the board has put on it.
    """

    board: Board
    path: str
    sent: int = field(default=0, init=False)
    _ours: int = field(alias="ours")
    _progress: trio.lowlevel.ParkingLot = field(factory=trio.lowlevel.ParkingLot, init=False)

    async def run(self) -> None:
        """Carry bytes until cancelled."""
        wire = trio.socket.from_stdlib_socket(self.board.uart.dup())
        with wire:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._from_board, wire)
                nursery.start_soon(self._to_board, wire)

    async def wait_sent(self, count: int) -> None:
        """Until the board has sent so many bytes."""
        while self.sent < count:
            await self._progress.park()

    async def _from_board(self, wire: trio.socket.SocketType) -> None:
        while content := await wire.recv(READ_BYTES):
            self.sent += len(content)
            self._progress.unpark_all()
            while content:
                await trio.lowlevel.wait_writable(self._ours)
                content = content[os.write(self._ours, content) :]

    async def _to_board(self, wire: trio.socket.SocketType) -> None:
        while True:
            await trio.lowlevel.wait_readable(self._ours)
            content = os.read(self._ours, READ_BYTES)
            while content:
                content = content[await wire.send(content) :]


@contextmanager
def line_of(board: Board) -> Iterator[Line]:
    """A pseudo-terminal that leads to the board's UART."""
    ours, theirs = os.openpty()
    try:
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        # Their end stays open here too, or it would hang up whenever the gateway closes it.
        yield Line(board, os.ttyname(theirs), ours=ours)
    finally:
        os.close(ours)
        os.close(theirs)
