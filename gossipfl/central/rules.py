"""What the updates of one round come to.

`Mean` adds each update up as it comes, so its memory does not depend on how many there are.  The
others compare updates and have to hold them all.
"""

import math
from abc import ABC, abstractmethod
from typing import Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from gossipfl.compression.delta import Delta
from gossipfl.errors import ConfigError

Sum = NDArray[np.float64]
RULES: Final = "mean, median, trimmed:SHARE, krum:LIARS or multi-krum:LIARS:KEPT"


class Rule(ABC):
    """Takes updates of vectors of length `size`, one after the other."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.count = 0

    def add(self, delta: Delta, samples: int, factor: float) -> None:
        """One update, to be shortened by `factor`; `samples` is its weight, where weights count."""
        self.count += 1
        self._add(delta, samples, factor)

    def finish(self) -> Sum:
        """The step that they come to, float64[size]; the next update begins a new round.

        There must have been one.
        """
        self.count = 0
        return self._finish()

    @abstractmethod
    def _add(self, delta: Delta, samples: int, factor: float) -> None: ...

    @abstractmethod
    def _finish(self) -> Sum: ...


class Mean(Rule):
    """Weighted by samples: FedAvg (McMahan et al. 2017, arXiv:1602.05629)."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._sum, self._samples = np.zeros(size), 0

    def _add(self, delta: Delta, samples: int, factor: float) -> None:
        self._sum[delta.indices] += (samples * factor) * delta.values.astype(np.float64)
        self._samples += samples

    def _finish(self) -> Sum:
        found: Sum = self._sum / self._samples
        self._sum, self._samples = np.zeros(self._size), 0
        return found


class Collecting(Rule):
    """Rules that need all updates at once, each as a row, whatever samples it claims."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._updates: list[tuple[Delta, float]] = []

    def _add(self, delta: Delta, samples: int, factor: float) -> None:
        self._updates.append((delta, factor))

    def _finish(self) -> Sum:
        rows = np.zeros((len(self._updates), self._size), np.float32)
        for row, (delta, factor) in zip(rows, self._updates, strict=True):
            row[delta.indices] = np.float32(factor) * delta.values
        self._updates = []
        return self._combine(rows)

    @abstractmethod
    def _combine(self, rows: NDArray[np.float32]) -> Sum:
        """Of updates float32[n, size], n at least 1."""


class TrimmedMean(Collecting):
    """Coordinate by coordinate, without the `share` that is largest and smallest.

    Yin et al. 2018 (arXiv:1803.01498).  With a share of a half it is the median.
    """

    def __init__(self, size: int, share: float) -> None:
        super().__init__(size)
        self._share = share

    def _combine(self, rows: NDArray[np.float32]) -> Sum:
        # At least one row is left, or two of an even number.
        trimmed = min(math.ceil(self._share * len(rows)), (len(rows) - 1) // 2)
        rows.sort(axis=0)
        found: Sum = rows[trimmed : len(rows) - trimmed].mean(axis=0, dtype=np.float64)
        return found


class MultiKrum(Collecting):
    """The mean of the `kept` updates that have the nearest neighbours; Krum keeps one.

    Blanchard et al. 2017 (arXiv:1703.02757): holds against `liars` of n updates if n is at least
    2 liars + 3; where fewer come, it takes so many fewer for liars.
    """

    def __init__(self, size: int, liars: int, kept: int) -> None:
        super().__init__(size)
        self._liars = liars
        self._kept = kept

    def _combine(self, rows: NDArray[np.float32]) -> Sum:
        liars = max(0, min(self._liars, (len(rows) - 3) // 2))
        near = max(1, len(rows) - liars - 2)
        # Of each to every other, the one to itself left out.
        distances = np.sort(_squared_distances(rows), axis=1)[:, 1 : near + 1]
        best = np.argsort(distances.sum(axis=1), kind="stable")
        found: Sum = rows[best[: min(self._kept, len(rows) - liars)]].mean(axis=0, dtype=np.float64)
        return found


def _squared_distances(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64[n, n]; a row at a time, so that no n x n x size numbers are needed."""
    found = [((rows - row).astype(np.float64) ** 2).sum(axis=1) for row in rows]
    for number, row in enumerate(found):
        row[number] = -1.0  # first among the sorted, whatever is equal
    return np.array(found)


@define
class RuleName:
    """A rule as it is written in settings, such as `trimmed:0.2`.  Raises ConfigError."""

    text: str
    _parts: list[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._parts = self.text.split(":")
        self.make(1)

    def make(self, size: int) -> Rule:
        """The rule, for vectors of this length."""
        match self._parts:
            case ["mean"]:
                return Mean(size)
            case ["median"]:
                return TrimmedMean(size, 0.5)
            case ["trimmed", share]:
                return TrimmedMean(size, self._share(share))
            case ["krum", liars]:
                return MultiKrum(size, self._count(liars, 0), 1)
            case ["multi-krum", liars, kept]:
                return MultiKrum(size, self._count(liars, 0), self._count(kept, 1))
        raise self._error()

    def _share(self, text: str) -> float:
        try:
            share = float(text)
        except ValueError:
            raise self._error() from None
        if not 0 <= share < 0.5:
            raise ConfigError(f"rule {self.text!r}: the share cut off at each end is below 0.5")
        return share

    def _count(self, text: str, least: int) -> int:
        if not text.isascii() or not text.isdecimal() or not least <= int(text) <= 1000:
            raise ConfigError(f"rule {self.text!r}: counts are whole numbers {least} to 1000")
        return int(text)

    def _error(self) -> ConfigError:
        return ConfigError(f"rule is {RULES}, not {self.text!r}")
