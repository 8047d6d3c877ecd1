"""Which rows a step sees: every row once an epoch, in an order drawn anew each epoch."""

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

_LOWER = np.uint64(2**32 - 1)
_UPPER = ~_LOWER
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_SHIFTS = np.array([30, 27, 31], np.uint64)
_FACTORS = np.array([0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)
SEED_MAX = 2**63 - 1


@attrs.frozen(kw_only=True)
class Cursor:
    """A place in the endless stream of rows.

    The order of an epoch is a function of seed and epoch, so these integers are all that a snapshot
    has to keep.
    """

    seed: int
    epoch: int = 0
    position: int = 0

    def next_epoch(self) -> "Cursor":
        """The start of the epoch behind this one."""
        return Cursor(seed=self.seed, epoch=self.epoch + 1)


def draw(cursor: Cursor, rows: int, shape: tuple[int, int]) -> tuple[NDArray[np.int64], Cursor]:
    """i64[steps, batch] row indices below `rows`, and the cursor behind them.

    A batch may span two epochs, so that all batches have one size.
    """
    wanted, parts = shape[0] * shape[1], [np.empty(0, np.int64)]
    while wanted:
        order = _order(cursor, rows)
        part = order[cursor.position : cursor.position + wanted]
        parts.append(part)
        wanted -= len(part)
        position = cursor.position + len(part)
        if position == rows:
            cursor = cursor.next_epoch()
        else:
            cursor = attrs.evolve(cursor, position=position)
    return np.concatenate(parts).reshape(shape), cursor


def _order(cursor: Cursor, rows: int) -> NDArray[np.int64]:
    """A random order of the rows: by random numbers that carry their row in the lower half.

    Sorting is many times faster than shuffling, and a tie of random halves goes to the lower row.
    """
    places = np.arange(rows, dtype=np.uint64)
    keys: NDArray[np.uint64] = _mixed(
        places + (_mixed(np.uint64(cursor.epoch)) ^ np.uint64(cursor.seed))
    )
    keys &= _UPPER
    keys |= places
    keys.sort()
    keys &= _LOWER
    return keys.view(np.int64)


def _mixed(numbers: Any) -> Any:
    """SplitMix64 (Steele, Lea and Flood 2014): each number alone, into 64 bits that look random."""
    with np.errstate(over="ignore"):  # arithmetic is modulo 2**64
        z = (numbers + _GAMMA) * _GAMMA
        z = (z ^ (z >> _SHIFTS[0])) * _FACTORS[0]
        z = (z ^ (z >> _SHIFTS[1])) * _FACTORS[1]
        return z ^ (z >> _SHIFTS[2])
