"""How much of a wait is left."""

import time

from gossipfl_device.port import Port


class Timer:
    """One wait at a time, on a clock that does not wrap around; look at it once in a few days."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._ticks = port.clock_ms()
        self._now_ms = 0
        self._due_ms = 0

    def now_ms(self) -> int:
        """Since this timer was made."""
        ticks = self._port.clock_ms()
        gone_ms = time.ticks_diff(ticks, self._ticks)  # type: ignore[attr-defined]
        self._now_ms += max(0, gone_ms)
        self._ticks = ticks
        return self._now_ms

    def wait(self, wait_ms: int) -> None:
        """Begin to wait."""
        self._due_ms = self.now_ms() + wait_ms

    def left_ms(self) -> int:
        """Until the wait is over."""
        return max(0, self._due_ms - self.now_ms())
