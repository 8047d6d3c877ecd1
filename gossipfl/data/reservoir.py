"""A uniform sample, of bounded size, of a stream of rows without end."""

import attrs
import numpy as np

from gossipfl.data.dataset import Dataset, Indices


class Reservoir:
    """Every row that came so far is in it with the same probability.

    J. S. Vitter, "Random Sampling with a Reservoir", ACM TOMS 11(1), 1985: algorithm R.
    """

    def __init__(self, limit: int, rng: np.random.Generator) -> None:
        """limit: rows kept, at least 1."""
        self.limit = limit
        self.seen = 0
        self._rng = rng
        self._held: Dataset | None = None  # with room behind the rows

    def __len__(self) -> int:
        return min(self.seen, self.limit)

    @property
    def rows(self) -> Dataset | None:
        """What is kept, as views that the next `add` may change; None while there is nothing."""
        held = self._held
        if held is None:
            return None
        kept = slice(len(self))
        return attrs.evolve(held, features=held.features[kept], targets=held.targets[kept])

    def add(self, arrived: Dataset) -> None:
        """Take rows in, of one schema with those before."""
        places = self._places(len(arrived))
        self.seen += len(arrived)
        held = self._with_room(arrived)
        # Of several rows that draw one place the last one stays, as if they had come singly.
        chosen = np.flatnonzero(places < self.limit)
        held.features[places[chosen]] = arrived.features[chosen]
        held.targets[places[chosen]] = arrived.targets[chosen]

    def _places(self, count: int) -> Indices:
        """Where each row goes; from `limit` on, it is passed over."""
        numbers = np.arange(self.seen, self.seen + count, dtype=np.int64)
        drawn = self._rng.integers(0, numbers + 1)
        return np.where(numbers < self.limit, numbers, drawn)

    def _with_room(self, like: Dataset) -> Dataset:
        """The arrays, doubled when they are full, so that growth costs little a row."""
        before = 0 if self._held is None else len(self._held)
        if self._held is None or before < len(self):
            room = min(self.limit, max(len(self), 2 * before))
            features = np.zeros((room, like.features.shape[1]), np.float32)
            targets = np.zeros((room, *like.targets.shape[1:]), like.targets.dtype)
            if self._held is not None:
                features[:before], targets[:before] = self._held.features, self._held.targets
            self._held = attrs.evolve(like, features=features, targets=targets, reach=1)
        return self._held
