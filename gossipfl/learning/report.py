"""How good predictions are, in the words of people: recall, confusion, R squared."""

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset
from gossipfl.errors import DataError
from gossipfl.learning.evaluation import binary_losses
from gossipfl.models.sequential import Loss

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


@attrs.frozen(kw_only=True)
class LabelReport:
    """Of several labels that are 0 or 1 each on its own; one entry a label.

    accuracy: share of right answers.  recall: share of the ones that were found; None without ones.
    precision: share of the found that are ones; None when none was found.
    loss: mean binary cross-entropy.
    """

    accuracy: tuple[float, ...]
    recall: tuple[float | None, ...]
    precision: tuple[float | None, ...]
    loss: float
    samples: int

    @property
    def score(self) -> float:
        """One number, higher is better: the mean accuracy."""
        return sum(self.accuracy) / len(self.accuracy)


Report = ClassReport | ValueReport | LabelReport


def class_logits(outputs: Floats) -> Floats:
    """Logits of a softmax, f32[n, classes]; the one logit of a binary loss has 0 for its rival."""
    if outputs.shape[1] > 1:
        return outputs
    return np.concatenate([np.zeros_like(outputs), outputs], 1)


def probabilities(outputs: Floats) -> Exact:
    """Of the classes, f64[n, classes] from a classifier's outputs f32[n, k]."""
    logits = class_logits(outputs)
    shifted = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    found: Exact = shifted / shifted.sum(1, keepdims=True)
    return found


def label_probabilities(outputs: Floats) -> Exact:
    """Of each label to be 1, f64[n, k] from logits f32[n, k]."""
    found: Exact = np.exp(-np.logaddexp(0, -outputs.astype(np.float64)))
    return found


def judge_outputs(loss: Loss, outputs: Floats, truth: Dataset) -> Report:
    """What outputs f32[n, k] of a model with this loss are worth on the rows of `truth`.

    Raises DataError when a label is neither 0 nor 1.
    """
    if truth.classification:
        return _judge_classes(class_logits(outputs), truth.targets.astype(np.int64))
    targets = truth.targets.astype(np.float64)
    if loss != "binary":
        return _judge_values(outputs.astype(np.float64), targets)
    if not np.isin(targets, (0, 1)).all():
        raise DataError(f"{truth.source}: labels are 0 and 1, nothing else; correct those rows")
    return _judge_labels(outputs.astype(np.float64), targets)


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


def _judge_labels(logits: Exact, targets: Exact) -> LabelReport:
    found, ones = logits > 0, targets > 0
    return LabelReport(
        accuracy=tuple((found == ones).mean(0).tolist()),
        recall=_shares(found & ones, ones),
        precision=_shares(found & ones, found),
        loss=float(binary_losses(logits, targets).mean()),
        samples=len(targets),
    )


def _shares(hits: NDArray[np.bool_], of: NDArray[np.bool_]) -> tuple[float | None, ...]:
    counts = zip(hits.sum(0).tolist(), of.sum(0).tolist(), strict=True)
    return tuple(hit / count if count else None for hit, count in counts)
