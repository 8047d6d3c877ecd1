"""How good predictions are, in the words of people: recall, confusion, R squared."""

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.learning.dataset import Dataset

Floats = NDArray[np.float32]
Exact = NDArray[np.float64]


@attrs.frozen(kw_only=True, eq=False)
class ClassReport:
    """Of a classification.

    confusion: i64[k, k], rows by true class, columns by predicted class.
    loss: mean cross-entropy.
    """

    confusion: NDArray[np.int64]
    loss: float

    @property
    def samples(self) -> int:
        """Rows judged."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of right classes."""
        return float(self.confusion.trace() / self.samples)

    @property
    def recall(self) -> list[float | None]:
        """Per class the share of its rows that were recognised; None for a class without rows."""
        rows = self.confusion.sum(1).tolist()
        right = self.confusion.diagonal().tolist()
        return [hit / count if count else None for hit, count in zip(right, rows, strict=True)]

    @property
    def score(self) -> float:
        """One number, higher is better: the accuracy."""
        return self.accuracy


@attrs.frozen(kw_only=True)
class ValueReport:
    """Of a regression, per target: root mean squared error and R squared.

    r_squared: share of the variance explained; None for a target that never varies.
    """

    rmse: tuple[float, ...]
    r_squared: tuple[float | None, ...]
    samples: int

    @property
    def score(self) -> float:
        """One number, higher is better: mean R squared, 0 where nothing varies."""
        known = [value for value in self.r_squared if value is not None]
        return sum(known) / len(known) if known else 0.0


Report = ClassReport | ValueReport


def probabilities(logits: Floats) -> Exact:
    """Softmax, f64[n, k] from f32[n, k]."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    found: Exact = shifted / shifted.sum(1, keepdims=True)
    return found


def judge_outputs(outputs: Floats, truth: Dataset) -> Report:
    """What a model's outputs f32[n, k] are worth on the rows of `truth`."""
    if truth.classification:
        return _judge_classes(outputs, truth.targets.astype(np.int64))
    return _judge_values(outputs.astype(np.float64), truth.targets.astype(np.float64))


def _judge_classes(logits: Floats, classes: NDArray[np.int64]) -> ClassReport:
    count = logits.shape[1]
    cells = classes * count + logits.argmax(1)
    confusion = np.bincount(cells, minlength=count * count).reshape(count, count)
    chosen = probabilities(logits)[np.arange(len(classes)), classes]
    # A softmax that underflows to 0 would be an infinite loss.
    losses = -np.log(np.maximum(chosen, np.finfo(np.float64).tiny))
    return ClassReport(confusion=confusion.astype(np.int64), loss=float(losses.mean()))


def _judge_values(values: Exact, targets: Exact) -> ValueReport:
    mean_square = np.square(values - targets).mean(0)
    variance = targets.var(0)
    shares = [
        1 - float(error) / float(spread) if spread > 0 else None
        for error, spread in zip(mean_square, variance, strict=True)
    ]
    rmse = tuple(float(error) ** 0.5 for error in mean_square)
    return ValueReport(rmse=rmse, r_squared=tuple(shares), samples=len(targets))
