"""Training in the place of a device that cannot: on samples that its operator lets it send."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset
from gossipfl.devices.plan import DevicePlan
from gossipfl.devices.uploads import Uploads
from gossipfl.learning.learner import Fit
from gossipfl.learning.training import Trainer

Vector = NDArray[np.float32]
ROWS_MAX: Final = 2000


class Proxy:
    """Trains on whatever has come so far.  seed: of the order of batches."""

    def __init__(self, plan: DevicePlan, seed: int) -> None:
        self.uploads = Uploads(plan.widths[0], plan.widths[-1], ROWS_MAX)
        self._plan = plan
        self._seed = seed
        self._trainer: Trainer | None = None
        self._trained_on = 0

    @property
    def samples(self) -> int:
        """Rows that are here; 0 before any has come."""
        return len(self.uploads.labels)

    @property
    def step_size(self) -> float:
        """As Learner.step_size."""
        return 0.0 if self._trainer is None else self._trainer.step_size

    def fit(self, parameters: Vector, correction: Vector) -> Fit:
        """As Learner.fit; only once there are samples."""
        wanted = self.uploads.wanted
        if self._trainer is None:
            plan = self._plan
            self._trainer = Trainer(plan.spec, self._rows(), None, plan.settings, seed=self._seed)
        elif wanted != self._trained_on:
            self._trainer.replace_rows(self._rows(), None)
        self._trained_on = wanted
        return self._trainer.fit(parameters, correction)

    def _rows(self) -> Dataset:
        features = self.uploads.features
        columns = tuple(f"x{number}" for number in range(features.shape[1]))
        return Dataset(
            features=features, targets=self.uploads.labels, columns=columns, source="uploads"
        )
