"""Rows to learn from, in memory."""

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import DataError

Indices = NDArray[np.int64]
# Held back windows that overlap come in stretches of so many reaches, unless they are too few.
STRETCH = 5


@attrs.frozen(kw_only=True, eq=False)
class Dataset:
    """Labelled rows.

    features: f32[n, f], C-contiguous, finite.
    targets: i64[n] class indices, or f32[n, k] values.
    columns: the f feature names.
    source: where the rows came from, for messages.
    reach: rows so far apart, or farther, have nothing in common; above 1 for windows that overlap.
    Raises DataError when the parts do not belong together or there are no rows.
    """

    features: NDArray[np.float32]
    targets: NDArray[np.int64] | NDArray[np.float32]
    columns: tuple[str, ...]
    source: str
    reach: int = 1

    def __attrs_post_init__(self) -> None:
        features, targets = self.features, self.targets
        if features.dtype != np.float32 or features.ndim != 2 or not features.flags.c_contiguous:
            raise DataError(f"{self.source}: features must be contiguous float32 [rows, columns]")
        if targets.dtype != (np.int64 if targets.ndim == 1 else np.float32) or targets.ndim > 2:
            raise DataError(f"{self.source}: targets must be int64 [rows] or float32 [rows, k]")
        if len(features) != len(targets):
            raise DataError(f"{self.source}: {len(features)} rows but {len(targets)} targets")
        if not len(features):
            raise DataError(f"{self.source}: no rows; give this node at least one example")
        if features.shape[1] != len(self.columns):
            raise DataError(
                f"{self.source}: {features.shape[1]} features but {len(self.columns)} column names"
            )

    def __len__(self) -> int:
        return len(self.features)

    @property
    def classification(self) -> bool:
        """Whether targets are class indices."""
        return self.targets.ndim == 1

    def take(self, rows: Indices) -> "Dataset":
        """The given rows, copied."""
        return attrs.evolve(self, features=self.features[rows], targets=self.targets[rows])

    def with_features(self, features: NDArray[np.float32], columns: tuple[str, ...]) -> "Dataset":
        """The same rows after a basis or a standardisation."""
        return attrs.evolve(self, features=features, columns=columns)


def check_trainable(dataset: Dataset) -> list[str]:
    """Warnings for people about data that a mesh can learn from, but that look wrong."""
    found = []
    if dataset.classification and len(np.unique(dataset.targets)) == 1:
        only = int(dataset.targets[0])
        found.append(
            f"{dataset.source}: every row has class {only}; fine if other nodes have the rest"
        )
    if len(dataset) < 10:
        found.append(
            f"{dataset.source}: only {len(dataset)} rows; too few to take part in standardisation"
        )
    constant = np.flatnonzero(dataset.features.min(0) == dataset.features.max(0))
    if len(dataset) > 1 and constant.size:
        names = ", ".join(dataset.columns[i] for i in constant[:3])
        more = f" and {constant.size - 3} more" if constant.size > 3 else ""
        found.append(f"{dataset.source}: constant here: {names}{more}; is the sensor connected?")
    return found


def split_validation(
    dataset: Dataset, fraction: float, rng: np.random.Generator
) -> tuple[Dataset, Dataset | None]:
    """(training, validation) rows; validation is None when no row can be spared.

    About `fraction` of the rows, and of every class that has enough of them, is held back; at least
    one row stays for training.  Windows that overlap are held back in whole stretches, whatever
    their class, and those that reach into a stretch from outside are left out of both parts.
    """
    kept, held = draw_validation(dataset, fraction, rng)
    if not held.size or not kept.size:
        return dataset, None
    return dataset.take(kept), dataset.take(held)


def draw_validation(
    dataset: Dataset, fraction: float, rng: np.random.Generator
) -> tuple[Indices, Indices]:
    """The rows of `split_validation` by number, ascending; either part may be empty."""
    draw = _draw_rows if dataset.reach == 1 else _draw_stretches
    held = draw(dataset, fraction, rng)
    return _out_of_reach(held, dataset), held


def _draw_rows(dataset: Dataset, fraction: float, rng: np.random.Generator) -> Indices:
    groups = [np.arange(len(dataset))]
    if dataset.classification:
        groups = [np.flatnonzero(dataset.targets == c) for c in np.unique(dataset.targets)]
    held = np.concatenate([_draw(group, fraction, rng) for group in groups])
    return np.sort(held[: max(1, len(dataset) - 1)])


def _draw_stretches(dataset: Dataset, fraction: float, rng: np.random.Generator) -> Indices:
    """One stretch in each of equal parts of the rows, long enough that little is left out."""
    count = int(len(dataset) * fraction + rng.random())
    stretches = max(1, count // (STRETCH * dataset.reach))
    held = []
    for part in np.array_split(np.arange(len(dataset)), stretches):
        length = min(-(-count // stretches), len(part))
        start = int(rng.integers(len(part) - length + 1))
        held.append(part[start : start + length])
    return np.concatenate(held)


def _out_of_reach(held: Indices, dataset: Dataset) -> Indices:
    """The rows that have nothing in common with any that is held back."""
    rows = np.arange(len(dataset))
    if not held.size:
        return rows
    behind = np.searchsorted(held, rows)
    after, before = held[np.minimum(behind, held.size - 1)], held[np.maximum(behind - 1, 0)]
    distance = np.minimum(np.abs(after - rows), np.abs(rows - before))
    return np.flatnonzero(distance >= dataset.reach)


def _draw(group: Indices, fraction: float, rng: np.random.Generator) -> Indices:
    # Rounding up or down at random keeps the expected share right for small classes too.
    count = int(len(group) * fraction + rng.random())
    return rng.permutation(group)[:count]
