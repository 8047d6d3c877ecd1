"""What everybody trains on: rows drawn in a new order every epoch, gathered in batches of BATCH,
and SGD steps with momentum on the cross-entropy.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
from models import BATCH, Model

Run = Callable[[int], None]  # makes so many steps
ROWS, RATE, MOMENTUM = 2048, 0.01, 0.9


def rows(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Features f32[ROWS, inputs] and classes i64[ROWS]."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(ROWS, model.inputs)).astype(np.float32)
    return features, rng.integers(0, model.classes, ROWS)


def batches(steps: int) -> Iterator[np.ndarray]:
    """The rows of each step, i64[BATCH]."""
    for step in range(steps):
        start = step * BATCH % ROWS
        if start == 0:
            order = np.random.permutation(ROWS)
        yield order[start : start + BATCH]


def best_product(multiply: Callable[[np.ndarray, np.ndarray, np.ndarray], None]) -> float:
    """GFLOP/s of the best of some square products multiply(a, b, out)."""
    return max(_rate(multiply, size) for size in (96, 192, 512))


def _rate(multiply: Callable[[np.ndarray, np.ndarray, np.ndarray], None], size: int) -> float:
    a, b, out = np.ones((3, size, size), np.float32)
    repeats, best = 1 + 2**27 // size**3, np.inf
    for _ in range(4):
        start = time.process_time()
        for _ in range(repeats):
            multiply(a, b, out)
        best = min(best, (time.process_time() - start) / repeats)
    return 2 * size**3 / best / 1e9
