"""Other training settings on trial, beside the mesh and at no cost to it.

Two copies of a learner go on from the same model over the same rows in the same order, one with the
settings in force and one with others, and neither tells the mesh anything: what bad settings spoil
would be in all models within minutes, and good ones could not be told from what neighbours learn
meanwhile.  Both add the node's control variate to their steps, as it was at the start, so they lean
to where the mesh learns rather than to the node's own readings.  Rows that the learner held back
judge both.  What settings do to the mixing of many models, they cannot show.
"""

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import TrainingFailed
from gossipfl.learning.learner import Adjustable, Evaluation
from gossipfl.learning.settings import TrainingSettings

Vector = NDArray[np.float32]


class _Arm:
    """One copy: where it is, and whether it can go on."""

    def __init__(self, learner: Adjustable, start: Vector) -> None:
        self.learner, self.parameters, self.failed = learner, start, False

    def advance(self, correction: Vector) -> None:
        if self.failed:
            return
        try:
            self.parameters = self.learner.fit(self.parameters, correction).parameters
        except TrainingFailed:
            self.failed = True


class Trial:
    """Of one learner.  rounds: made so far."""

    def __init__(
        self, learner: Adjustable, settings: TrainingSettings, start: Vector, correction: Vector
    ) -> None:
        """start, correction: f32[d], where the node is; nobody else writes to them."""
        self.rounds = 0
        self._correction = correction
        self._before = _Arm(learner.fork(learner.settings), start)
        self._after = _Arm(learner.fork(settings), start)

    def advance(self) -> None:
        """One round of both; takes twice as long as a round of the learner."""
        self._before.advance(self._correction)
        self._after.advance(self._correction)
        self.rounds += 1

    @property
    def failed(self) -> bool:
        """The settings on trial make numbers that are not finite."""
        return self._after.failed

    def evaluate(self) -> tuple[Evaluation, Evaluation]:
        """By the settings in force, and by those on trial."""
        before, after = (
            arm.learner.evaluate(arm.parameters) for arm in (self._before, self._after)
        )
        return before, after
