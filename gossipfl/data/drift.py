"""How far new readings are from the first ones: a number for features and one for labels."""

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset

SKETCH_ROWS = 1_000
FEATURES_MAX = 256
ROWS_MIN = 50  # fewer new rows show chance more than drift
ALPHA = 1e-3  # how often chance alone may be taken for drift

Columns = NDArray[Any]  # float32, or class indices to mypy


@attrs.frozen(kw_only=True)
class Drift:
    """What has become of the readings.

    feature: name of the one whose distribution moved farthest, by so much: its two-sample
        Kolmogorov-Smirnov statistic, 0 (alike) to 1.
    labels: total variation distance of the classes' shares, 0 to 1; of a regression, the statistic
        of the value that moved farthest.
    chance: what `distance` may reach by chance, given how few rows were compared.
    rows: new rows compared.
    """

    feature: str
    distance: float
    labels: float
    chance: float
    rows: int

    def exceeds(self, threshold: float) -> bool:
        """Whether features or labels moved that far, and not by chance."""
        limit = max(threshold, self.chance)
        return self.rows >= ROWS_MIN and max(self.distance, self.labels) > limit


class DriftWatch:
    """Compares the newest rows with the first ones, on a thousand of each."""

    def __init__(self, first: Dataset, rng: np.random.Generator) -> None:
        self._rng = rng
        self._first = self._sketch(first)
        self._newest: Dataset | None = None
        width = first.features.shape[1]
        count = min(width, FEATURES_MAX)
        self._chosen = np.linspace(0, width - 1, count).astype(np.intp)

    def see(self, arrived: Dataset) -> Drift:
        """Take new rows in, and say where the newest thousand are."""
        newest = self._newest = self._joined(self._sketch(arrived))
        chosen = self._chosen
        moved = distances(self._first.features[:, chosen], newest.features[:, chosen])
        worst = int(moved.argmax())
        first, new = len(self._first), len(newest)
        spread = math.sqrt(math.log(2 * len(chosen) / ALPHA) / 2)
        return Drift(
            feature=self._first.columns[chosen[worst]],
            distance=float(moved[worst]),
            labels=_label_distance(self._first, newest),
            chance=spread * math.sqrt((first + new) / (first * new)),
            rows=new,
        )

    def _sketch(self, rows: Dataset) -> Dataset:
        if len(rows) <= SKETCH_ROWS:
            return rows.take(np.arange(len(rows)))
        return rows.take(self._rng.choice(len(rows), SKETCH_ROWS, replace=False))

    def _joined(self, arrived: Dataset) -> Dataset:
        """The newest rows, of this file and of those before it."""
        if self._newest is None:
            return arrived
        kept = slice(SKETCH_ROWS)
        features = np.concatenate([arrived.features, self._newest.features])[kept]
        targets = np.concatenate([arrived.targets, self._newest.targets])[kept]
        return attrs.evolve(arrived, features=features, targets=targets)


def distances(first: Columns, second: Columns) -> NDArray[np.float64]:
    """f64[f]: the Kolmogorov-Smirnov statistic between the columns of f32[n, f] and f32[m, f]."""
    pairs = zip(np.sort(first, axis=0).T, np.sort(second, axis=0).T, strict=True)
    return np.array([_statistic(a, b) for a, b in pairs])


def _statistic(a: Columns, b: Columns) -> float:
    """The largest distance between two empirical distribution functions, of sorted values."""
    values = np.concatenate([a, b])
    shares = [np.searchsorted(each, values, side="right") / each.size for each in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())


def _label_distance(first: Dataset, second: Dataset) -> float:
    if not first.classification:
        return float(distances(first.targets, second.targets).max())
    classes = int(max(first.targets.max(), second.targets.max())) + 1
    shares = [
        np.bincount(each.targets.astype(np.intp), minlength=classes) / len(each)
        for each in (first, second)
    ]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)
