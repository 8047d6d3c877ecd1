"""A learner that remembers how far its own steps have gone, so that all else is mixing."""

import numpy as np

from gossipfl.learning.learner import Evaluation, Fit
from gossipfl.learning.training import Trainer


class CountingLearner:
    """The built-in learner.  learnt: float64[d], the sum of what its fits have added."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self.learnt = np.zeros(trainer.size)

    @property
    def samples(self) -> int:
        return self._trainer.samples

    @property
    def size(self) -> int:
        return self._trainer.size

    @property
    def step_size(self) -> float:
        return self._trainer.step_size

    def fit(self, parameters: np.ndarray, correction: np.ndarray) -> Fit:
        """As the trainer does, and count."""
        fit = self._trainer.fit(parameters, correction)
        self.learnt += fit.parameters.astype(np.float64) - parameters
        return fit

    def evaluate(self, parameters: np.ndarray) -> Evaluation:
        return self._trainer.evaluate(parameters)

    def complete(self, parameters: np.ndarray) -> np.ndarray:
        return self._trainer.complete(parameters)

    def snapshot(self) -> bytes:
        return self._trainer.snapshot()

    def restore(self, snapshot: bytes) -> None:
        self._trainer.restore(snapshot)
