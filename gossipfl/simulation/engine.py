"""Virtual time: a heap of events, each run at its time and never at another."""

from collections import deque
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
    Beside the heap there is a line of events, each as late as the one before it or later.
    """

    now_s: float = 0.0
    _queue: list[Event] = field(factory=list)
    _line: deque[Event] = field(factory=deque)
    _scheduled: int = 0

    @property
    def events(self) -> int:
        """How many have happened."""
        return self._scheduled - len(self._queue) - len(self._line)

    def schedule(self, delay_s: float, action: Action, *arguments: Any) -> None:
        """Run action(*arguments) in `delay_s` seconds.  Raises LocalProtocolError for the past."""
        if not delay_s >= 0:
            raise LocalProtocolError(f"an event cannot be {delay_s} s from now")
        # The running number also keeps the heap from comparing actions.
        heappush(self._queue, (self.now_s + delay_s, self._scheduled, action, arguments))
        self._scheduled += 1

    def line_up(self, delay_s: float, action: Action, *arguments: Any) -> None:
        """The same, quicker where calls of this follow each other as their events do.

        For instance, of all that takes the same time.
        """
        time_s, line = self.now_s + delay_s, self._line
        if delay_s >= 0 and (not line or line[-1][0] <= time_s):
            line.append((time_s, self._scheduled, action, arguments))
            self._scheduled += 1
        else:
            self.schedule(delay_s, action, *arguments)

    def run_until(self, time_s: float) -> None:
        """Run every event up to and including `time_s`, then stand there."""
        queue, line = self._queue, self._line
        while queue or line:
            is_lined_up = bool(line) and (not queue or line[0] < queue[0])
            now_s, _, action, arguments = line[0] if is_lined_up else queue[0]
            if now_s > time_s:
                break
            line.popleft() if is_lined_up else heappop(queue)
            self.now_s = now_s
            action(*arguments)
        self.now_s = max(self.now_s, time_s)
