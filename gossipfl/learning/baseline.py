"""One model on one machine, with nobody to gossip with: what a mesh is compared to."""

from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset
from gossipfl.learning.learner import Evaluation, Learner
from gossipfl.learning.settings import STEPS_MAX, TrainingSettings

Vector = NDArray[np.float32]


@attrs.frozen(kw_only=True)
class Progress:
    """After one fit.

    number: fits so far.
    loss: mean training loss of this fit.
    evaluation: on the validation rows; of no samples when there are none.
    best: number of the fit whose parameters are kept.
    """

    number: int
    loss: float
    evaluation: Evaluation
    best: int


class Baseline:
    """Fits a learner again and again and keeps the parameters that did best on validation rows.

    parameters: f32[d], the best so far; the newest when there are no validation rows.
    stopped_early: whether validation stopped improving before the end.
    """

    def __init__(self, learner: Learner, initial: Vector, patience: int) -> None:
        """patience: fits without a better validation loss before stopping; 0 never stops early."""
        self.parameters = initial
        self.stopped_early = False
        self._learner = learner
        self._newest = initial
        self._patience = patience
        self._best, self._lowest = 0, np.inf

    def run(self, fits: int) -> Iterator[Progress]:
        """At most so many fits, each followed by a look at the validation rows."""
        nothing = np.zeros_like(self._newest)
        for number in range(1, fits + 1):
            fit = self._learner.fit(self._newest, nothing)
            self._newest = fit.parameters
            evaluation = self._learner.evaluate(self._newest)
            self._keep(number, evaluation)
            yield Progress(number=number, loss=fit.loss, evaluation=evaluation, best=self._best)
            if self._patience and number - self._best >= self._patience:
                self.stopped_early = True
                return

    def _keep(self, number: int, evaluation: Evaluation) -> None:
        if not evaluation.samples or evaluation.loss < self._lowest:
            self.parameters, self._best = self._newest, number
            self._lowest = evaluation.loss


def steps_per_epoch(settings: TrainingSettings, train: Dataset) -> TrainingSettings:
    """The settings with as many local steps as it takes to see every row about once."""
    batch = min(settings.batch_size, len(train))
    return attrs.evolve(settings, local_steps=min(-(-len(train) // batch), STEPS_MAX))
