"""Class weights for classes of unequal size."""

import numpy as np

from gossipfl.data.dataset import Dataset
from gossipfl.errors import DataError

RATIO_MAX = 1000.0  # no class counts more than so many times another


def balanced_weights(dataset: Dataset, classes: int) -> tuple[float, ...]:
    """Weights with which all classes count alike in these rows: the inverse of their counts.

    1 for the commonest class.  Raises DataError when a class has no rows.
    """
    counts = np.bincount(dataset.targets.astype(np.int64), minlength=classes)
    if not counts.all():
        raise DataError(
            f"{dataset.source}: no rows of class number {int(counts.argmin())}, so it cannot be "
            "balanced; write the weights as numbers"
        )
    weights = np.minimum(counts.max() / counts, RATIO_MAX)
    return tuple(float(weight) for weight in weights)
