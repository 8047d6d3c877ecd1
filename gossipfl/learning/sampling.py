"""Which rows a step sees: every row once an epoch, in an order drawn anew each epoch."""

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.kernels.engine import orders

SEED_MAX = 2**63 - 1
ROWS_AT_ONCE = 1024


@attrs.define(kw_only=True)
class Cursor:
    """A place in the endless stream of rows.  Nobody changes one.

    The order of an epoch is a function of seed and epoch, so these integers are all that a snapshot
    has to keep.
    """

    seed: int
    epoch: int = 0
    position: int = 0

    def next_epoch(self) -> "Cursor":
        """The start of the epoch behind this one."""
        return Cursor(seed=self.seed, epoch=self.epoch + 1)


class Sampler:
    """Draws batches of `rows` rows.

    A call costs more than ordering a few rows, so short epochs are drawn several at a time, and
    kept.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._at_once = max(1, ROWS_AT_ONCE // rows)
        self._drawn = (-1, -1)
        self._orders: NDArray[np.int64] = np.empty(0, np.int64)

    def draw(self, cursor: Cursor, shape: tuple[int, int]) -> tuple[NDArray[np.int64], Cursor]:
        """i64[steps, batch] row indices, and the cursor behind them.

        A batch may span two epochs, so that all batches have one size.
        """
        wanted, start = shape[0] * shape[1], self._place(cursor) + cursor.position
        found = self._orders[start : start + wanted]
        if len(found) < wanted:
            found = self._join(found, cursor, wanted)
        passed, position = divmod(cursor.position + wanted, self.rows)
        cursor = Cursor(seed=cursor.seed, epoch=cursor.epoch + passed, position=position)
        return found.reshape(shape), cursor

    def _join(self, first: NDArray[np.int64], cursor: Cursor, wanted: int) -> NDArray[np.int64]:
        """`wanted` rows from the cursor on, whose `first` are these."""
        parts, count = [first], len(first)
        while count < wanted:
            epoch = cursor.epoch + (cursor.position + count) // self.rows
            start = self._place(Cursor(seed=cursor.seed, epoch=epoch))
            part = self._orders[start : start + wanted - count]
            parts.append(part)
            count += len(part)
        return np.concatenate(parts)

    def _place(self, cursor: Cursor) -> int:
        """Where the cursor's epoch begins among the orders, functions of number and seed, that are
        drawn from here on.
        """
        first = cursor.epoch - cursor.epoch % self._at_once
        if self._drawn != (cursor.seed, first):
            self._drawn = cursor.seed, first
            self._orders = _orders(cursor.seed, first, (self._at_once, self.rows)).reshape(-1)
        return (cursor.epoch - first) * self.rows


def _orders(seed: int, first: int, shape: tuple[int, int]) -> NDArray[np.int64]:
    """A random order of rows for each epoch from the `first` on, i64[epochs, rows]."""
    out, keys = np.empty(shape, np.uint64), np.empty(shape[1], np.uint64)
    starts = np.empty(1 << shape[1].bit_length(), np.int64)
    with np.errstate(over="ignore"):  # arithmetic is modulo 2**64; compiled, it says nothing
        orders.draw_orders(np.uint64(seed), np.uint64(first), keys, starts, out)
    return out.view(np.int64)
