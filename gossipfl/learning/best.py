"""The best model so far, judged by a node's own held-back readings."""

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.learning.learner import Evaluation

Vector = NDArray[np.float32]


@attrs.frozen(kw_only=True, eq=False)
class BestModel:
    """A model that was kept.

    parameters: f32[d], the whole model.
    loss: of the held-back readings.
    round: after which it was judged.
    inputs: edition of the readings that judged it.
    """

    parameters: Vector
    loss: float
    round: int
    inputs: bytes


class BestWatch:
    """Keeps the best of the models that it is shown, and counts how long no better one has come.

    kept: None before the first.
    stale: evaluations since then.

    Losses compare only on the same readings, seen alike: with another edition, the search begins
    anew.
    """

    def __init__(self, kept: BestModel | None) -> None:
        self.kept = kept
        self.stale = 0

    def note(self, found: Evaluation, parameters: Vector, round_: int, inputs: bytes) -> None:
        """Take an evaluation of `parameters` f32[d], which the caller leaves alone from then on."""
        if not found.samples:
            return
        kept, self.stale = self.kept, self.stale + 1
        if kept is None or kept.inputs != inputs or found.loss < kept.loss:
            self.stale = 0
            self.kept = BestModel(
                parameters=parameters, loss=found.loss, round=round_, inputs=inputs
            )
