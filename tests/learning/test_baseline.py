"""Early stopping and the best checkpoint, on a learner whose future is written down."""

import numpy as np
import pytest

from gossipfl.data.dataset import Dataset
from gossipfl.learning.baseline import Baseline, steps_per_epoch
from gossipfl.learning.learner import Evaluation, Fit
from gossipfl.learning.settings import STEPS_MAX, TrainingSettings

START = np.zeros(2, np.float32)


class Written:
    """The n-th fit gives parameters n and the n-th of these validation losses."""

    def __init__(self, *losses: float, samples: int = 5) -> None:
        self._losses = losses
        self._validation = samples
        self.samples, self.size, self.step_size = 10, 2, 1.0

    def fit(self, parameters, correction) -> Fit:
        assert not correction.any()
        return Fit(parameters=parameters + np.float32(1), loss=1.0, steps=1)

    def evaluate(self, parameters) -> Evaluation:
        loss = self._losses[int(parameters[0]) - 1] if self._validation else 0.0
        return Evaluation(loss=loss, accuracy=None, error=None, samples=self._validation)

    def snapshot(self) -> bytes:
        return b""

    def restore(self, snapshot: bytes) -> None: ...


@pytest.mark.parametrize(
    ("losses", "patience", "fits", "best", "early"),
    [
        ((3, 2, 1), 2, 3, 3, False),
        ((1, 2, 3, 0, 0), 2, 3, 1, True),
        ((1, 2, 3, 0.5, 7), 3, 5, 4, False),
        ((1, 2, 3, 0, 2), 0, 5, 4, False),
        ((1, 1, 1, 1), 2, 3, 1, True),
    ],
)
def test_the_best_is_kept_and_patience_ends(losses, patience, fits, best, early):
    baseline = Baseline(Written(*losses), START, patience)
    made = list(baseline.run(len(losses)))
    assert [progress.number for progress in made] == list(range(1, fits + 1))
    assert made[-1].best == best
    assert baseline.parameters.tolist() == [best, best]
    assert baseline.stopped_early == early


def test_without_validation_rows_the_newest_is_kept():
    baseline = Baseline(Written(samples=0), START, patience=2)
    assert [progress.best for progress in baseline.run(5)] == [1, 2, 3, 4, 5]
    assert not baseline.stopped_early


@pytest.mark.parametrize(
    ("rows", "batch", "steps"),
    [(100, 16, 7), (10, 16, 1), (16, 16, 1), (STEPS_MAX + 5, 1, STEPS_MAX)],
)
def test_an_epoch_sees_every_row(rows, batch, steps):
    data = Dataset(
        features=np.zeros((rows, 1), np.float32),
        targets=np.zeros(rows, np.int64),
        columns=("x",),
        source="test",
    )
    settings = TrainingSettings(batch_size=batch, learning_rate=0.3)
    found = steps_per_epoch(settings, data)
    assert (found.local_steps, found.learning_rate) == (steps, 0.3)
