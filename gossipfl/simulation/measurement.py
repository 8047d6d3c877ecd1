"""Judging the mesh from outside: on rows that no node trains on, split once for two purposes."""

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.gossip.replica import Replica
from gossipfl.learning.dataset import Dataset
from gossipfl.learning.evaluation import evaluate_outputs
from gossipfl.learning.execution import predict
from gossipfl.learning.sequential import Sequential

Floats = NDArray[np.float32]


@frozen
class Score:
    """Over nodes, mean and worst: accuracy, or R squared for a regression."""

    mean: float
    worst: float


@frozen(kw_only=True)
class Look:
    """One kind of model on both held-back sets.

    validation: for choosing settings.  test: for reporting what was chosen.
    """

    validation: Score
    test: Score


@frozen(kw_only=True)
class Point:
    """One look at the mesh.

    time_s: virtual seconds.  rounds, sent_bytes: means per node.
    average: of the models that nodes predict with, running means over rounds.
    current: of the models as they are in the middle of learning.
    spread: root mean square distance of the current models from their mean.
    """

    time_s: float
    rounds: float
    sent_bytes: float
    average: Look
    current: Look
    spread: float


class Measurement:
    """Scores models on the two held-back sets; `most` nodes, the same each time, stand for all."""

    def __init__(
        self,
        spec: Sequential,
        validation: Dataset,
        test: Dataset,
        rng: np.random.Generator,
        most: int = 64,
    ) -> None:
        self._spec = spec
        self._features = np.concatenate([validation.features, test.features])
        self._targets = [_targets(validation), _targets(test)]
        self._border = len(validation)
        self._rng = rng
        self._most = most
        self._chosen: list[int] | None = None

    def test_scores(self, replicas: Sequence[Replica]) -> list[float]:
        """Per judged node, of the model that it predicts with."""
        return [self._score(replica.average)[1] for replica in self._judged(replicas)]

    def looks(self, replicas: Sequence[Replica]) -> tuple[Look, Look]:
        """Of the judged nodes' (average, current) models."""
        judged = self._judged(replicas)
        average = self._look([replica.average for replica in judged])
        return average, self._look([replica.parameters for replica in judged])

    def spread(self, replicas: Sequence[Replica]) -> float:
        """Root mean square distance of the judged models from their mean."""
        models = np.stack([replica.parameters for replica in self._judged(replicas)])
        return float(np.sqrt(np.square(models - models.mean(0)).sum(1).mean()))

    def _judged(self, replicas: Sequence[Replica]) -> list[Replica]:
        if self._chosen is None:
            order = self._rng.permutation(len(replicas))[: self._most]
            self._chosen = sorted(order.tolist())
        return [replicas[node] for node in self._chosen]

    def _look(self, models: Sequence[Floats]) -> Look:
        scores = [self._score(model) for model in models]
        validation, test = ([pair[part] for pair in scores] for part in (0, 1))
        return Look(validation=_summary(validation), test=_summary(test))

    def _score(self, parameters: Floats) -> tuple[float, float]:
        outputs = predict(self._spec, parameters, self._features)
        first, second = outputs[: self._border], outputs[self._border :]
        validation, test = self._targets
        return self._part(first, validation), self._part(second, test)

    def _part(self, outputs: Floats, targets: Floats) -> float:
        found = evaluate_outputs(self._spec.loss, outputs, targets)
        if found.accuracy is not None:
            return found.accuracy
        assert found.error is not None
        return 1 - found.error**2 / float(targets.var())


def _summary(values: Sequence[float]) -> Score:
    return Score(sum(values) / len(values), min(values))


def _targets(dataset: Dataset) -> Floats:
    return dataset.targets.reshape(len(dataset), -1).astype(np.float32)
