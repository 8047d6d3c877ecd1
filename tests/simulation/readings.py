"""Small data: two classes of points in the plane."""

import numpy as np

from gossipfl.data.dataset import Dataset


def skewed(rng: np.random.Generator, nodes: int, rows: int = 40) -> list[Dataset]:
    """Readings of each node: one of two classes, but for a stray row; they overlap a little."""
    return [clouds(rng, rows, share=i % 2) for i in range(nodes)]


def clouds(rng: np.random.Generator, rows: int, share: float = 0.5) -> Dataset:
    """Two clouds of points; `share` of the rows lie in the right one, but one row in each."""
    targets = (rng.random(rows) < share).astype(np.int64)
    targets[:2] = 0, 1
    centres = np.array([[-1.0, -0.6], [1.0, 0.6]])[targets]
    points = (centres + 0.7 * rng.normal(size=(rows, 2))).astype(np.float32)
    return Dataset(features=points, targets=targets, columns=("x", "y"), source="test")
