"""Writes what must survive, in order and off the event loop, many rows to a commit."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from gossipfl.errors import StateError
from gossipfl.gossip.link import Record
from gossipfl.node.observer import Observer
from gossipfl.node.state.store import Item, Row, Store

BACKLOG_MAX: Final = 10_000
RETRY_S: Final = 5.0

# Once called it runs the function to its end, also where it is cancelled.
RunBlocking = Callable[..., Awaitable[Any]]


class Journal:
    """The queue in front of the store.

    While the disk refuses, the node goes on in memory, says so, and tries again: a mesh must not
    stop for a full card.
    """

    def __init__(
        self, store: Store, position: int, run_blocking: RunBlocking, observer: Observer
    ) -> None:
        self.position = position
        self._store = store
        self._durable = position
        self._run_blocking = run_blocking
        self._observer = observer
        self._queue: list[Item] = []
        self._refusing = False
        self._writing = False
        self._work = trio.Event()
        self._progress = trio.lowlevel.ParkingLot()

    def append(self, peer: bytes, record: Record) -> int:
        """Queue one record; its place in the order is fixed now.

        It is written when somebody waits for it, or with what is put next.
        """
        self.position += 1
        self._queue.append(Row(self.position, peer, record))
        return self.position

    def put(self, item: Item) -> None:
        """Queue a row or a checkpoint."""
        self._queue.append(item)
        self._work.set()

    def put_in_order(self, item: Item) -> int:
        """Queue what an answer waits for as it does for a record."""
        self.position += 1
        self.put(item)
        return self.position

    async def wait_written(self, position: int) -> None:
        """Return once this record survives a crash, or the disk has refused it.

        Who waits first writes for all: to wake another task would cost more than a row.
        """
        while self._durable < position and not self._refusing:
            await self._write_queued()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until cancelled; what is queued then is still written."""
        task_status.started()
        try:
            while True:
                await self._work.wait()
                self._work = trio.Event()
                if self._refusing:
                    await trio.sleep(RETRY_S)
                await self._write_all()
        finally:
            with trio.move_on_after(RETRY_S, shield=True):
                await self._write_all()

    async def _write_all(self) -> None:
        while self._writing:  # what was put meanwhile is not in that batch
            await self._progress.park()
        await self._write_queued()

    async def _write_queued(self) -> None:
        """Write all that waits, or wait for whoever is writing."""
        if self._writing:
            await self._progress.park()
            return
        batch, self._queue = self._queue, []
        position = self.position
        if not batch:
            return
        self._writing = True
        try:
            await self._run_blocking(self._store.write, batch)
        except StateError as error:
            self._observer.emit("state.write_failed", error=str(error), waiting=len(batch))
            self._queue = (batch + self._queue)[-BACKLOG_MAX:]
            self._refusing = True
            self._work.set()
        else:
            self._durable = position
            self._refusing = False
        finally:
            self._writing = False
            self._progress.unpark_all()
