"""The border between a node and whatever it trains."""

from typing import Protocol, runtime_checkable

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.learning.settings import TrainingSettings

Vector = NDArray[np.float32]


@attrs.define(kw_only=True, eq=False)
class Fit:
    """What local training returned.

    parameters: f32[d], a new array.
    loss: mean training loss over the steps, each taken before its update.
    steps: local steps made.
    """

    parameters: Vector
    loss: float
    steps: int


@attrs.frozen(kw_only=True)
class Evaluation:
    """How good parameters are on rows held back from training.

    loss: mean loss, 0 when there are no such rows.
    accuracy: share of right classes, or of right labels where an example has several; None for a
        regression or without rows.
    error: root mean squared error; None for all but regressions, or without rows.
    samples: rows evaluated, the weight of this evaluation in a cluster-wide mean.
    """

    loss: float
    accuracy: float | None
    error: float | None
    samples: int


class Learner(Protocol):
    """One node's model and private data.  One call at a time, from any thread."""

    @property
    def samples(self) -> int:
        """Training rows, as class weights count them: this node's weight in the cluster's mean."""

    @property
    def size(self) -> int:
        """Length d of the flat parameter vector."""

    @property
    def step_size(self) -> float:
        """How far the latest `fit` moved along a constant correction: its learning rates, summed.

        Of the next one before there is any.
        """

    def fit(self, parameters: Vector, correction: Vector) -> Fit:
        """Train from `parameters`; every step also adds learning rate times `correction`.

        Both are f32[d] and stay as they are.
        """

    def evaluate(self, parameters: Vector) -> Evaluation:
        """Judge `parameters` f32[d] on held-back rows."""

    def complete(self, parameters: Vector) -> Vector:
        """The whole model to predict with, around `parameters` f32[d] and what the learner keeps.

        May be called while another call runs, so it takes no time.
        """

    def snapshot(self) -> bytes:
        """Everything but parameters and data that the next `fit` depends on."""

    def restore(self, snapshot: bytes) -> None:
        """Continue exactly where `snapshot` was taken.  Raises StateError."""


@runtime_checkable
class Adjustable(Learner, Protocol):
    """A learner whose training settings may change as it goes."""

    @property
    def settings(self) -> TrainingSettings:
        """Those that it trains with."""

    def adjust(self, settings: TrainingSettings) -> None:
        """Train with these from the next `fit` on."""

    def fork(self, settings: TrainingSettings) -> "Adjustable":
        """A learner that goes on from here with these settings, and leaves this one as it is."""
