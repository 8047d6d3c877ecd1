"""What a seed has in the place of a learner: no readings, and the coordinator's state."""

from collections.abc import Callable

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.central.coordinator import Coordinator
from gossipfl.learning.learner import Evaluation, Fit

Vector = NDArray[np.float32]


@frozen(eq=False)
class Bystander:
    """A `Learner` without readings: it makes no steps and judges nothing.

    coordinator: whose clients' samples weigh, and whose state is kept with the model.
    size: of the vector that is gossiped.  whole: the model to predict with, around such a vector.
    """

    coordinator: Coordinator
    size: int
    whole: Callable[[Vector], Vector]

    @property
    def samples(self) -> int:
        """Of all clients that are led."""
        return self.coordinator.weight

    @property
    def step_size(self) -> float:
        """No steps are made."""
        return 0.0

    def fit(self, parameters: Vector, correction: Vector) -> Fit:
        """Nothing to learn from."""
        return Fit(parameters=parameters.copy(), loss=float("nan"), steps=0)

    def evaluate(self, parameters: Vector) -> Evaluation:
        """Nothing to judge by."""
        return Evaluation(loss=0.0, accuracy=None, error=None, samples=0)

    def complete(self, parameters: Vector) -> Vector:
        """Private layers are as they were in the beginning: they stay with the nodes."""
        return self.whole(parameters)

    def snapshot(self) -> bytes:
        """The coordinator's."""
        return self.coordinator.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Raises StateError, and then changes nothing."""
        self.coordinator.restore(snapshot)
