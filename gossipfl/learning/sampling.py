"""Which rows a step sees: every row once an epoch, in an order drawn anew each epoch."""

import attrs
import numpy as np
from numpy.typing import NDArray

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
    rng = np.random.Generator(np.random.PCG64([cursor.seed, cursor.epoch]))
    return rng.permutation(rows)
