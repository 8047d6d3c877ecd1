"""Which rows a step sees: every row once an epoch, in an order drawn anew each epoch."""

import numpy as np
from numpy.typing import NDArray

from gossipfl.kernels.engine import orders

SEED_MAX = 2**63 - 1
ROWS_AT_ONCE = 1024

Rows = NDArray[np.int64]


class Sampler:
    """Draws batches of `rows` rows from an endless stream of epochs, a function of the seed.

    A place in it is the number of rows before it, so that this and the seed are all that anybody
    has to keep.  A call costs more than ordering a few rows, so short epochs are drawn several at a
    time, and kept.
    """

    def __init__(self, rows: int, seed: int) -> None:
        self.rows = rows
        self.seed = seed
        self._at_once = max(1, ROWS_AT_ONCE // rows)
        # What is kept, and where it begins.
        self._orders: Rows = np.empty(0, np.int64)
        self._start = 0

    def draw(self, place: int, shape: tuple[int, int]) -> Rows:
        """i64[steps, batch] row indices, from a place on.

        A batch may span two epochs, so that all batches have one size.
        """
        first, wanted = place - self._start, shape[0] * shape[1]
        found = self._orders[first : first + wanted] if first >= 0 else self._orders[:0]
        if len(found) < wanted:
            found = self._join(place, place + wanted)
        return found.reshape(shape)

    def _join(self, place: int, stop: int) -> Rows:
        """The rows between two places."""
        parts = []
        while place < stop:
            first = self._keep(place)
            parts.append(self._orders[first : first + stop - place])
            place += len(parts[-1])
        return np.concatenate(parts)

    def _keep(self, place: int) -> int:
        """Draw the epochs around a place, unless they are kept; returns where it lies in them."""
        stretch = self._at_once * self.rows
        start = place - place % stretch
        if start != self._start or not len(self._orders):
            first, shape = start // self.rows, (self._at_once, self.rows)
            self._orders, self._start = _orders(self.seed, first, shape).reshape(-1), start
        return place - start


def _orders(seed: int, first: int, shape: tuple[int, int]) -> Rows:
    """A random order of rows for each epoch from the `first` on, i64[epochs, rows]."""
    out, keys = np.empty(shape, np.uint64), np.empty(shape[1], np.uint64)
    starts = np.empty(1 << shape[1].bit_length(), np.int64)
    with np.errstate(over="ignore"):  # arithmetic is modulo 2**64; compiled, it says nothing
        orders.draw_orders(np.uint64(seed), np.uint64(first), keys, starts, out)
    return out.view(np.int64)
