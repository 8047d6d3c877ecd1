"""Events: counted, kept for a while, and written as JSON lines that never stop the node."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio

from gossipfl.node import eventlog
from gossipfl.node.eventlog import FLUSH_S, EventLog
from gossipfl.node.observer import RECENT_MAX, Observer
from gossipfl.node.surroundings import run_inline


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "events.jsonl"


def numbers(path: Path) -> list[int]:
    return [json.loads(line)["number"] for line in path.read_text().splitlines()]


def test_the_observer_counts_remembers_and_passes_on():
    seen: list[dict[str, Any]] = []
    observer = Observer(seen.append, wall_clock=lambda: 12.3456)
    for number in range(RECENT_MAX + 5):
        observer.emit("x.happened", number=number)
    observer.emit("y.happened")
    assert seen[0] == {"time_s": 12.346, "event": "x.happened", "number": 0}
    assert observer.counts == {"x.happened": RECENT_MAX + 5, "y.happened": 1}
    assert len(observer.recent) == RECENT_MAX
    assert observer.recent[-1]["event"] == "y.happened"


async def test_events_reach_the_file_soon_and_in_order(path, nursery, autojump_clock):
    log = EventLog(path, run_inline)
    nursery.start_soon(log.run)
    for number in range(3):
        log({"number": number})
    await trio.sleep(FLUSH_S + 0.1)
    assert numbers(path) == [0, 1, 2]
    log({"number": 3})
    await trio.sleep(FLUSH_S + 0.1)
    assert numbers(path) == [0, 1, 2, 3]


@pytest.mark.parametrize("before_s", [0.1, FLUSH_S])
async def test_the_last_events_are_written_at_the_end(path, autojump_clock, before_s):
    log = EventLog(path, run_inline)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(log.run)
        await trio.sleep(before_s)
        log({"number": 1})
        nursery.cancel_scope.cancel()
    assert numbers(path) == [1]


async def test_the_file_is_bounded(path, nursery, autojump_clock, monkeypatch):
    monkeypatch.setattr(eventlog, "FILE_BYTES_MAX", 100)
    log = EventLog(path, run_inline)
    nursery.start_soon(log.run)
    for number in range(200):
        log({"number": number})
        await trio.sleep(FLUSH_S + 0.1)
    older = path.with_name("events.jsonl.1")
    assert path.stat().st_size + older.stat().st_size < 300
    kept = numbers(older) + numbers(path)
    assert kept == list(range(kept[0], 200))


async def test_a_full_disk_loses_events_but_not_the_node(path, nursery, autojump_clock):
    path.mkdir()
    log = EventLog(path, run_inline)
    nursery.start_soon(log.run)
    log({"number": 1})
    await trio.sleep(FLUSH_S + 0.1)
    path.rmdir()
    log({"number": 2})
    await trio.sleep(FLUSH_S + 0.1)
    assert numbers(path) == [2]


async def test_waiting_events_are_bounded(path, monkeypatch):
    monkeypatch.setattr(eventlog, "WAITING_MAX", 4)
    log = EventLog(path, run_inline)
    for number in range(10):
        log({"number": number})
    with trio.move_on_after(0):
        await log.run()
    assert numbers(path) == [6, 7, 8, 9]
