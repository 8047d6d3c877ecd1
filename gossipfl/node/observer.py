"""One place where every service reports; from it come the log, the status and the live views."""

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

Value = str | int | float | bool | None | list[str]
Event = dict[str, Value]
Sink = Callable[[Event], None]

RECENT_MAX: Final = 200


class Observer:
    """Receives structured events: only counts and aggregates, never data and never gradients."""

    def __init__(self, *sinks: Sink, wall_clock: Callable[[], float] = time.time) -> None:
        self._sinks = sinks
        self._wall_clock = wall_clock
        self.counts: Counter[str] = Counter()
        self.recent: deque[Event] = deque(maxlen=RECENT_MAX)

    def emit(self, event_name: str, /, **fields: Value) -> None:
        """Report that `event_name` happened; `fields` are plain JSON values."""
        event: Event = {"time_s": round(self._wall_clock(), 3), "event": event_name, **fields}
        self.counts[event_name] += 1
        self.recent.append(event)
        for sink in self._sinks:
            sink(event)
