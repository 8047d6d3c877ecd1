"""Events as JSON lines in a file, written off the event loop, bounded on disk."""

import json
from collections import deque
from pathlib import Path
from typing import Final

import trio

from gossipfl.node.observer import Event
from gossipfl.node.state.journal import RunBlocking

WAITING_MAX: Final = 10_000
FLUSH_S: Final = 5.0
FILE_BYTES_MAX: Final = 8 * 1024 * 1024


class EventLog:
    """A sink for the observer; when the file is full, it becomes `.1` and a new one begins."""

    def __init__(self, path: Path, run_blocking: RunBlocking) -> None:
        self._path = path
        self._run_blocking = run_blocking
        self._waiting: deque[Event] = deque(maxlen=WAITING_MAX)
        self._any = trio.Event()

    def __call__(self, event: Event) -> None:
        self._waiting.append(event)
        self._any.set()

    async def run(self) -> None:
        """Write until cancelled; what waits then is still written."""
        try:
            while True:
                await self._any.wait()
                await self._flush()
                await trio.sleep(FLUSH_S)
        finally:
            with trio.move_on_after(1, shield=True):
                await self._flush()

    async def _flush(self) -> None:
        if self._waiting:
            self._any = trio.Event()
            lines = "".join(json.dumps(event) + "\n" for event in self._waiting)
            self._waiting.clear()
            await self._run_blocking(self._append, lines)

    def _append(self, lines: str) -> None:
        try:
            with self._path.open("ab", buffering=0) as file:
                is_full = file.tell() > FILE_BYTES_MAX
                if not is_full:
                    file.write(lines.encode())
            if is_full:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
                self._append(lines)
        except OSError:
            # A full card must not stop the node; the journal reports it where it matters.
            return
