"""Simulations in processes of their own, forked with what they need."""

import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final

from gossipfl.errors import StateError
from gossipfl.node.simulations.study import Case
from gossipfl.node.simulations.telling import tell

CRASHED: Final = "a simulation's process ended early: too little memory? Use fewer --workers"


class Processes:
    """The engine of this machine's cores."""

    def __init__(self) -> None:
        self._running: dict[Connection, BaseProcess] = {}

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for handle in list(self._running):
            self.stop(handle)

    @property
    def cores(self) -> int:
        """Those that this process may use."""
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    def start(self, case: Case) -> Connection:
        """Forked, so that rows need not be copied; nothing but this thread runs in a command."""
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(case, theirs), daemon=True)
        process.start()
        theirs.close()
        self._running[ours] = process
        return ours

    def wait(self, handles: Sequence[Connection]) -> Sequence[Connection]:
        """Those that can be read from."""
        return [ready for ready in wait(handles) if isinstance(ready, Connection)]

    def receive(self, handle: Connection) -> bytes:
        """As of any engine."""
        try:
            return handle.recv_bytes()
        except EOFError:
            raise StateError(CRASHED) from None

    def stop(self, handle: Connection) -> None:
        """One that has told its last needs nothing more, and no time to end by itself."""
        process = self._running.pop(handle)
        process.terminate()
        process.join()
        handle.close()


def _work(case: Case, connection: Connection) -> None:
    for message in tell(case):
        connection.send_bytes(message)
    os._exit(0)  # what the parent has open or registered for its end is not ours to close
