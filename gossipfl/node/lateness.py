"""How late the event loop wakes up: what training and disk cost everybody else."""

from typing import Final

import numpy as np
import trio

SAMPLES_MAX: Final = 100_000
WARM_UP_S: Final = 2.0


class Lateness:
    """Milliseconds between when a timer was due and when it ran."""

    def __init__(self) -> None:
        self._late_ms: list[float] = []

    async def run(self, interval_s: float) -> None:
        """Sample until cancelled."""
        await trio.sleep(WARM_UP_S)
        while len(self._late_ms) < SAMPLES_MAX:
            due_s = trio.current_time() + interval_s
            await trio.sleep_until(due_s)
            self._late_ms.append(1000 * (trio.current_time() - due_s))

    def statistics(self) -> dict[str, float | int]:
        """Samples, and their 50th, 99th, 99.9th percentile and maximum, in milliseconds."""
        if not self._late_ms:
            return {"samples": 0}
        points = np.percentile(self._late_ms, [50, 99, 99.9, 100])
        names = ("p50_ms", "p99_ms", "p999_ms", "max_ms")
        values = {name: round(float(x), 3) for name, x in zip(names, points, strict=True)}
        return {"samples": len(self._late_ms), **values}
