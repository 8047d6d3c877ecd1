"""How long something took, the newest so many times."""

from collections import deque
from typing import Final

import numpy as np

PERCENTILES: Final = {"p50_ms": 50.0, "p99_ms": 99.0, "p999_ms": 99.9, "max_ms": 100.0}


class Durations:
    """newest_ms: milliseconds, the oldest first."""

    def __init__(self, most: int) -> None:
        self.newest_ms: deque[float] = deque(maxlen=most)

    def note(self, seconds: float) -> None:
        """It took so long once more."""
        self.newest_ms.append(1000 * seconds)

    def statistics(self) -> dict[str, float | int]:
        """Samples, and their percentiles in milliseconds."""
        if not self.newest_ms:
            return {"samples": 0}
        points = np.percentile(self.newest_ms, list(PERCENTILES.values()))
        values = {name: round(float(x), 3) for name, x in zip(PERCENTILES, points, strict=True)}
        return {"samples": len(self.newest_ms), **values}
