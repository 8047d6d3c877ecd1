"""What one node has read so far: bounded, and split once and for all as it arrives."""

import hashlib
import math

import numpy as np

from gossipfl.data.dataset import Dataset, draw_validation
from gossipfl.data.reservoir import Reservoir
from gossipfl.errors import DataError

SEED_BYTES = 8
# Room for validation, in shares: small files and classes make more of it than its share.
HELD_ROOM = 2


class Readings:
    """Rows for training and rows held back.  A row never goes from one part to the other.

    What is held back of a file depends on the node and on the file's name alone, so it stays so
    over restarts, whatever other files there are.
    """

    def __init__(self, validation: float, rows_max: int, seed: bytes) -> None:
        """validation: share held back.  rows_max: kept for training.  seed: of this node."""
        held_max = math.ceil(rows_max * min(1.0, HELD_ROOM * validation))
        self._validation = validation
        self._seed = seed
        self._train = Reservoir(rows_max, self._rng("training"))
        self._held_back = Reservoir(max(1, held_max), self._rng("validation"))
        self.files = 0

    @property
    def train(self) -> Dataset:
        """Rows to train on, as views that the next `add` may change.  Raises DataError."""
        rows = self._train.rows
        if rows is None:
            raise DataError("no rows to train on; give this node at least one example")
        return rows

    @property
    def held_back(self) -> Dataset | None:
        """Rows to judge by, if there are any."""
        return self._held_back.rows

    @property
    def seen(self) -> int:
        """Rows that have come so far, kept or not."""
        return self._train.seen + self._held_back.seen

    def add(self, arrived: Dataset, name: str) -> None:
        """Take the rows of one file in.  name: of the file, without its folder."""
        kept, held = draw_validation(arrived, self._validation, self._rng(f"file {name}"))
        if not kept.size and not len(self._train):
            kept, held = np.arange(len(arrived)), held[:0]
        if kept.size:
            self._train.add(arrived.take(kept))
        if held.size:
            self._held_back.add(arrived.take(held))
        self.files += 1

    def _rng(self, purpose: str) -> np.random.Generator:
        seed = hashlib.blake2b(self._seed + purpose.encode(), digest_size=SEED_BYTES).digest()
        return np.random.default_rng(list(seed))
