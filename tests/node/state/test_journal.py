"""The journal writes in order, tells when it has, and survives a disk that refuses."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gossipfl.errors import StateError
from gossipfl.gossip.link import Planted
from gossipfl.node.observer import Observer
from gossipfl.node.state import journal as journal_module
from gossipfl.node.state.journal import RETRY_S, Journal
from gossipfl.node.state.store import Item, Row
from gossipfl.node.surroundings import run_in_thread
from tests.node.stored import links_at, model_at

PEER = b"p" * 32


class FakeStore:
    """Keeps what was written; refuses while `refusing`."""

    def __init__(self) -> None:
        self.written: list[Item] = []
        self.batches: list[int] = []
        self.refusing = False

    def write(self, items: Sequence[Item]) -> None:
        if self.refusing:
            raise StateError("cannot write: disk full")
        self.written += items
        self.batches.append(len(items))

    @property
    def positions(self) -> list[int]:
        return [item.position for item in self.written if isinstance(item, Row)]


class Disk:
    """Runs writes inline, each lasting `takes_s`."""

    def __init__(self) -> None:
        self.takes_s = 0.0

    async def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        with trio.CancelScope(shield=True):
            await trio.sleep(self.takes_s)
        return function(*args)


class Rig:
    def __init__(self) -> None:
        self.store = FakeStore()
        self.disk = Disk()
        self.observer = Observer(wall_clock=lambda: 0.0)
        self.journal = Journal(self.store, 10, self.disk, self.observer)

    def append(self, count: int = 1) -> int:
        return [self.journal.append(PEER, Planted(b"x")) for _ in range(count)][-1]


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
async def running(rig: Rig, nursery: trio.Nursery) -> Rig:
    await nursery.start(rig.journal.run)
    return rig


async def test_positions_follow_the_last_one_stored(running, autojump_clock):
    assert running.append() == 11
    assert running.append(3) == 14
    assert running.journal.position == 14
    await running.journal.wait_written(14)
    assert running.store.positions == [11, 12, 13, 14]


async def test_what_was_stored_before_needs_no_wait(rig, autojump_clock):
    with trio.fail_after(1):
        await rig.journal.wait_written(10)


async def test_waiting_ends_with_the_write_and_not_before(running, autojump_clock):
    running.disk.takes_s = 3.0
    started_s = trio.current_time()
    await running.journal.wait_written(running.append())
    assert trio.current_time() - started_s == pytest.approx(3.0)
    assert running.store.positions == [11]


async def test_what_comes_during_a_write_waits_for_the_next(running, autojump_clock):
    running.disk.takes_s = 3.0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.journal.wait_written, running.append())
        await trio.sleep(1)
        second = running.append(2)
    assert running.store.positions == [11]
    await running.journal.wait_written(second)
    assert running.store.batches == [1, 2]


async def test_what_nobody_waits_for_goes_with_the_next(running, autojump_clock):
    running.append()
    await trio.sleep(60)
    assert running.store.batches == []
    running.journal.put(model_at(11))
    await wait_all_tasks_blocked()
    assert running.store.batches == [2]


async def test_order_is_kept_among_rows_and_checkpoints(running, autojump_clock):
    running.append()
    running.journal.put(model_at(11))
    running.append()
    running.journal.put(links_at(12))
    await wait_all_tasks_blocked()
    kinds = [type(item).__name__ for item in running.store.written]
    assert kinds == ["Row", "ModelCheckpoint", "Row", "LinksCheckpoint"]
    assert running.store.batches == [4]


async def test_many_waiters_are_all_released(running, autojump_clock):
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(running.journal.wait_written, running.append())
    assert running.store.positions == [11, 12, 13, 14, 15]


async def test_a_refusing_disk_stops_nobody_and_is_reported(running, autojump_clock):
    running.store.refusing = True
    started_s = trio.current_time()
    await running.journal.wait_written(running.append(2))
    await running.journal.wait_written(running.append())  # while it refuses, without any delay
    assert trio.current_time() == started_s
    (event,) = running.observer.recent
    assert event["event"] == "state.write_failed"
    assert (event["waiting"], event["error"]) == (2, "cannot write: disk full")


async def test_a_refused_backlog_is_written_in_order_when_the_disk_recovers(
    running, autojump_clock
):
    running.store.refusing = True
    await running.journal.wait_written(running.append(2))
    running.append()
    await trio.sleep(3 * RETRY_S + 0.1)
    assert running.observer.counts["state.write_failed"] == 4
    running.store.refusing = False
    await trio.sleep(RETRY_S)
    assert running.store.positions == [11, 12, 13]
    started_s = trio.current_time()
    running.disk.takes_s = 1.0
    await running.journal.wait_written(running.append())  # and waiting means waiting again
    assert trio.current_time() - started_s == pytest.approx(1.0)
    assert running.store.positions == [11, 12, 13, 14]


async def test_the_backlog_is_bounded_and_keeps_the_newest(running, monkeypatch, autojump_clock):
    monkeypatch.setattr(journal_module, "BACKLOG_MAX", 5)
    running.store.refusing = True
    for _ in range(4):
        await running.journal.wait_written(running.append(3))
        await trio.sleep(RETRY_S + 0.1)
    running.store.refusing = False
    await trio.sleep(RETRY_S + 0.1)
    assert running.store.positions == [18, 19, 20, 21, 22]


async def run_and_stop(rig: Rig, before_s: float, last_words: Callable[[], Any]) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(rig.journal.run)
        await trio.sleep(before_s)
        last_words()
        nursery.cancel_scope.cancel()


async def test_what_is_queued_at_the_very_end_is_written(rig, autojump_clock):
    # The journal sleeps, is woken by the last item, and is cancelled before it could run.
    await run_and_stop(rig, 1.0, partial(rig.append, 3))
    assert rig.store.positions == [11, 12, 13]


async def test_what_is_queued_during_the_last_write_is_written_too(rig, autojump_clock):
    rig.disk.takes_s = 2.0
    rig.append()
    await run_and_stop(rig, 1.0, rig.append)
    assert rig.store.positions == [11, 12]


async def test_the_end_comes_even_when_the_disk_refuses(rig, autojump_clock):
    rig.store.refusing = True
    rig.journal.put(model_at(10))
    started_s = trio.current_time()
    await run_and_stop(rig, 1.0, rig.append)
    assert trio.current_time() - started_s <= 1.0 + RETRY_S
    assert rig.observer.counts["state.write_failed"] == 2
    assert rig.store.positions == []


async def test_a_disk_that_recovers_at_the_end_gets_everything(rig, autojump_clock):
    rig.store.refusing = True
    rig.append(2)

    def recover() -> None:
        rig.store.refusing = False
        rig.append()

    await run_and_stop(rig, 1.0, recover)
    assert rig.store.positions == [11, 12, 13]


async def test_the_last_item_survives_cancellation_with_a_real_thread(rig):
    threads: list[int] = []

    async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
        threads.append(threading.get_ident())
        return await run_in_thread(function, *args)

    rig.journal = Journal(rig.store, 10, in_thread, rig.observer)
    await run_and_stop(rig, 0.0, rig.append)
    assert rig.store.positions == [11]
    assert threads
