"""Reports what anybody may cause a thousand times a second."""

from typing import Final

import trio

from gossipfl.node.observer import Observer, Value

INTERVAL_S: Final = 10.0
KINDS_MAX: Final = 1024


class Sparingly:
    """Emits an event of a kind once in a while, and then says how many more there were."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    def emit(self, event: str, kind: str, **fields: Value) -> None:
        """kind: what distinguishes events that are not to be counted as one."""
        now_s = trio.current_time()
        told_s, more = self._told.get((event, kind), (-INTERVAL_S, 0))
        if now_s - told_s < INTERVAL_S:
            self._told[event, kind] = (told_s, more + 1)
            return
        if len(self._told) >= KINDS_MAX:
            self._told.clear()
        self._told[event, kind] = (now_s, 0)
        self._observer.emit(event, **fields, more=more or None)
