"""A scikit-learn estimator with partial_fit, linear or a multilayer perceptron.

scikit-learn is not imported: only what its estimators have in common is used.
https://scikit-learn.org/stable/glossary.html#term-partial_fit
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from attrs import frozen

from gossipfl.adapters.arrays import Array
from gossipfl.adapters.learner import Trained
from gossipfl.errors import ConfigError
from gossipfl.learning.learner import Evaluation

LEARNT: Final = (("coef_", "intercept_"), ("coefs_", "intercepts_"))
PROBABILITY_MIN: Final = 1e-12

Rows = tuple[Any, Any]


@frozen(kw_only=True, eq=False)
class EstimatorTask:
    """What a factory returns.

    estimator: not fitted yet.  train: features and targets.  test: those that judge, if any.
    classes: every label of the whole cluster, for a classifier; a node may lack some.
    passes: over the training rows in one round.
    """

    estimator: Any
    train: Rows
    test: Rows | None = None
    classes: Sequence[Any] | None = None
    passes: int = 1


class EstimatorModel:
    """One estimator.  Its solver's own state stays in this process and is not stored."""

    def __init__(self, task: object) -> None:
        """Raises ConfigError for anything but an EstimatorTask of an estimator that suits."""
        if not isinstance(task, EstimatorTask):
            raise ConfigError(
                f"the factory returned a {type(task).__name__}, not an "
                "EstimatorTask(estimator=..., train=(X, y))"
            )
        if not hasattr(task.estimator, "partial_fit"):
            raise ConfigError(f"{type(task.estimator).__name__} has no partial_fit")
        self._task = task
        self._estimator = task.estimator
        self._partial_fit()  # only now are there arrays
        self._learnt = self._find_learnt()

    def _partial_fit(self) -> None:
        features, targets = self._task.train
        classes = self._task.classes
        more = {} if classes is None else {"classes": np.asarray(classes)}
        self._estimator.partial_fit(features, targets, **more)

    def _find_learnt(self) -> dict[str, Array]:
        """The arrays themselves: a solver may hold on to them, so they are written in place."""
        for names in LEARNT:
            if all(hasattr(self._estimator, name) for name in names):
                return {key: array for name in names for key, array in self._arrays(name)}
        raise ConfigError(
            f"{type(self._estimator).__name__} learns no coef_ or coefs_, so there is nothing "
            "that a mesh could average"
        )

    def _arrays(self, name: str) -> list[tuple[str, Array]]:
        value = getattr(self._estimator, name)
        if isinstance(value, list):
            return [(f"{name}.{place}", array) for place, array in enumerate(value)]
        return [(name, value)]

    def initial_arrays(self) -> dict[str, Any]:
        """Zeros, and for the weights of a perceptron what its own class would draw."""
        return {name: self._start(name, array) for name, array in self._learnt.items()}

    def _start(self, name: str, array: Array) -> Array:
        if not name.startswith("coefs_"):
            return np.zeros_like(array)
        # Glorot and Bengio 2010, as in scikit-learn's multilayer perceptrons.
        factor = 2.0 if self._estimator.activation == "logistic" else 6.0
        limit = math.sqrt(factor / sum(array.shape))
        return np.random.default_rng(0).uniform(-limit, limit, array.shape)

    def train(self, arrays: list[Array]) -> Trained:
        """So many passes of partial_fit."""
        self._write(arrays)
        for _ in range(self._task.passes):
            self._partial_fit()
        self._learnt = self._find_learnt()
        loss = getattr(self._estimator, "loss_", math.nan)
        returned = [array.copy() for array in self._learnt.values()]
        return Trained(arrays=returned, samples=len(self._task.train[1]), loss=float(loss))

    def _write(self, arrays: list[Array]) -> None:
        for own, array in zip(self._learnt.values(), arrays, strict=True):
            own[...] = array

    def evaluate(self, arrays: list[Array]) -> Evaluation:
        """Log loss and accuracy, or mean squared error; no samples without test rows."""
        if self._task.test is None:
            return Evaluation(loss=0.0, accuracy=None, error=None, samples=0)
        self._write(arrays)
        features, targets = self._task.test
        wanted, found = np.asarray(targets), np.asarray(self._estimator.predict(features))
        if not hasattr(self._estimator, "classes_"):
            mean_square = float(np.square(wanted - found).mean())
            return Evaluation(
                loss=mean_square, accuracy=None, error=mean_square**0.5, samples=len(wanted)
            )
        accuracy = float((wanted == found).mean())
        loss = self._log_loss(features, wanted, 1 - accuracy)
        return Evaluation(loss=loss, accuracy=accuracy, error=None, samples=len(wanted))

    def _log_loss(self, features: Any, wanted: Array, otherwise: float) -> float:
        """The share of wrong classes for an estimator that gives no probabilities."""
        if not hasattr(self._estimator, "predict_proba"):
            return otherwise
        places = np.searchsorted(self._estimator.classes_, wanted)
        chosen = self._estimator.predict_proba(features)[np.arange(len(wanted)), places]
        return float(-np.log(np.maximum(chosen, PROBABILITY_MIN)).mean())
