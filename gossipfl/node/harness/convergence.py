"""When a mesh has learnt what it can: its own checks stop getting better."""

from collections.abc import Sequence
from typing import Final

from gossipfl.node.harness.views import View

GAIN: Final = 0.01
PATIENCE_ROUNDS: Final = 40


class Convergence:
    """Watches the mean validation loss; it never sees test readings."""

    def __init__(self, rounds_min: int, rounds_max: int) -> None:
        self._rounds_min = rounds_min
        self._rounds_max = rounds_max
        self._best = float("inf")
        self._best_round = 0

    def reached(self, views: Sequence[View]) -> bool:
        """Whether to stop: the slowest node is far enough, and no better for a while."""
        rounds: int = min(view.status["rounds"] for view in views)
        losses = [view.status["validation_loss"] for view in views]
        known = [loss for loss in losses if loss is not None]
        mean = sum(known) / len(known) if known else float("inf")
        if mean < (1 - GAIN) * self._best:
            self._best, self._best_round = mean, rounds
        if rounds >= self._rounds_max:
            return True
        return rounds >= max(self._rounds_min, self._best_round + PATIENCE_ROUNDS)
