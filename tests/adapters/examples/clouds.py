"""Data that the examples learn from: ten clouds of points, of which a partition has a part."""

import numpy as np

CLASSES, FEATURES, ROWS = 10, 16, 300


def partition(number: int, count: int = 2) -> tuple[np.ndarray, ...]:
    """(features, targets) of one node's rows, then those of rows that judge every node alike.

    Classes that are not a partition's own are rare in it, so nobody does well alone.
    """
    centres = np.random.default_rng(0).normal(size=(CLASSES, FEATURES))
    common = np.arange(CLASSES) % count == number % count
    weights = np.where(common, 1.0, 0.005)
    rng = np.random.default_rng([1, number])
    targets = rng.choice(CLASSES, ROWS, p=weights / weights.sum())
    judge = np.random.default_rng(2)
    wanted = judge.integers(0, CLASSES, ROWS)
    return (
        _points(centres, targets, rng),
        targets,
        _points(centres, wanted, judge),
        wanted,
    )


def _points(centres: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(scale=0.8, size=(len(targets), FEATURES))
    return (centres[targets] + noise).astype(np.float32)
