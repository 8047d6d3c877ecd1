"""Judges models from outside: on readings that no node has ever seen."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset, split_validation
from gossipfl.data.pipeline import own_scale, prepare
from gossipfl.data.statistics import Scale
from gossipfl.gossip.replica import Replica
from gossipfl.learning.report import judge_outputs
from gossipfl.learning.training import Trainer, predict
from gossipfl.manifest import Manifest
from gossipfl.node.harness.views import View

Floats = NDArray[np.float32]


class Scores(Protocol):
    """Who tells how good a node is."""

    def score_view(self, view: View) -> float:
        """Higher is better."""


class OwnChecks:
    """For nodes whose data only they can read: the accuracy that each tells of itself."""

    def score_view(self, view: View) -> float:
        """0 as long as the node has none to tell."""
        return float(view.status["accuracy"] or 0.0)


class Judge:
    """Holds the test readings; for a regression, the score is R squared instead of accuracy."""

    def __init__(self, manifest: Manifest, test: Dataset) -> None:
        self.manifest = manifest
        self._spec = manifest.model()
        self._basis = manifest.input_basis()
        self._test = test
        self._prepared: dict[bytes, Floats] = {}

    def score_view(self, view: View) -> float:
        """Of one node's averaged model, with the statistics that this node goes by."""
        scale = None
        if view.scale is not None:
            scale = Scale(mean=view.scale[0], inverse_deviation=view.scale[1])
        return self.score(view.average, scale)

    def score(self, parameters: Floats, scale: Scale | None) -> float:
        """Accuracy, or R squared, of float32[d] on the test readings."""
        outputs = predict(self._spec, parameters, self._inputs(scale))
        return judge_outputs(self._spec.loss, outputs, self._test).score

    def train_alone(self, readings: Dataset, rounds: int, seed: int, validation: float) -> float:
        """Score of a node that trains on these readings and never meets anybody."""
        train, _ = split_validation(readings, validation, np.random.default_rng(seed))
        scale = own_scale(self.manifest.standardise, train)
        prepared = prepare(self._basis, train, scale)
        trainer = Trainer(self._spec, prepared, None, self.manifest.training, seed=seed)
        # A replica that nobody mixes with: it averages over rounds as those of a mesh do.
        replica = Replica(
            self.manifest.initial_model(),
            samples=trainer.samples,
            step_size=trainer.step_size,
            activity=self.manifest.keep_ratio,
        )
        for _ in range(rounds):
            start = replica.parameters.copy()
            fit = trainer.fit(start, replica.control)
            replica.trained(start, fit.parameters, trainer.step_size)
            replica.end_round()
        return self.score(replica.average, scale)

    def _inputs(self, scale: Scale | None) -> Floats:
        key = b"" if scale is None else scale.mean.tobytes() + scale.inverse_deviation.tobytes()
        if key not in self._prepared:
            self._prepared = {key: prepare(self._basis, self._test, scale).features}
        return self._prepared[key]
