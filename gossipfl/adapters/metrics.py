"""What an app's metrics mean, whatever it calls them."""

import math
from collections.abc import Mapping
from typing import Any

from gossipfl.errors import TrainingFailed
from gossipfl.learning.learner import Evaluation


def count(value: Any) -> int:
    """A number of rows.  Raises TrainingFailed."""
    try:
        rows = int(value)
    except (TypeError, ValueError, OverflowError):
        rows = -1
    if rows < 0 or rows != value:
        raise TrainingFailed(f"{value!r:.80} is not a number of rows; return num-examples")
    return rows


def rows_in(metrics: Mapping[str, Any]) -> int:
    """Rows that a reply counts.  Raises TrainingFailed when it does not."""
    return count(_find(metrics, "numexamples"))


def loss_in(metrics: Mapping[str, Any]) -> float:
    """The first metric whose name has "loss" in it; nan without one."""
    loss = _number(_find(metrics, "loss"))
    return math.nan if loss is None else loss


def accuracy_in(metrics: Mapping[str, Any]) -> float | None:
    """The first metric whose name has "acc" in it."""
    return _number(_find(metrics, "acc"))


def evaluation(metrics: Mapping[str, Any], loss: float, samples: int) -> Evaluation:
    """An app's judgement."""
    error = _number(_find(metrics, "rmse"))
    return Evaluation(loss=loss, accuracy=accuracy_in(metrics), error=error, samples=samples)


def _find(metrics: Mapping[str, Any], part: str) -> Any:
    for name, value in metrics.items():
        if part in str(name).lower().replace("-", "").replace("_", ""):
            return value
    return None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
