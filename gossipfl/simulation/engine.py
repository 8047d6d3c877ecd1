"""Virtual time: a heap of events, each run at its time and never at another."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from attrs import define, field

from gossipfl.errors import LocalProtocolError

Action = Callable[..., None]
Event = tuple[float, int, Action, tuple[Any, ...]]


@define
class Engine:
    """Runs actions in order of virtual time, and of scheduling where times are equal.

    Nothing here depends on the machine's clock or on hashing, so equal schedules run alike.
    """

    now_s: float = 0.0
    _queue: list[Event] = field(factory=list)
    _scheduled: int = 0

    @property
    def events(self) -> int:
        """How many have happened."""
        return self._scheduled - len(self._queue)

    def schedule(self, delay_s: float, action: Action, *arguments: Any) -> None:
        """Run action(*arguments) in `delay_s` seconds.  Raises LocalProtocolError for the past."""
        if not delay_s >= 0:
            raise LocalProtocolError(f"an event cannot be {delay_s} s from now")
        # The running number also keeps the heap from comparing actions.
        heappush(self._queue, (self.now_s + delay_s, self._scheduled, action, arguments))
        self._scheduled += 1

    def run_until(self, time_s: float) -> None:
        """Run every event up to and including `time_s`, then stand there."""
        queue = self._queue
        while queue and queue[0][0] <= time_s:
            self.now_s, _, action, arguments = heappop(queue)
            action(*arguments)
        self.now_s = max(self.now_s, time_s)
