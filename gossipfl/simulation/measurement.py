"""Judging the mesh from outside: on rows that no node trains on, split once for two purposes."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.data.basis import Basis
from gossipfl.data.dataset import Dataset
from gossipfl.data.pipeline import transform
from gossipfl.data.statistics import Scale
from gossipfl.gossip.replica import Replica
from gossipfl.learning.evaluation import evaluate_outputs
from gossipfl.learning.execution import predict
from gossipfl.models.sequential import Sequential
from gossipfl.simulation.world import Member

Floats = NDArray[np.float32]
DIGEST_BYTES: Final = 16


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
    own: of average models, each on rows that its node holds back; None when they hold none back.
    """

    time_s: float
    rounds: float
    sent_bytes: float
    average: Look
    current: Look
    spread: float
    own: Score | None = None


@frozen(eq=False)
class Candidate:
    """A model to judge: what is gossiped, and the member that makes it whole."""

    replica: Replica
    member: Member


class Measurement:
    """Scores models on the two held-back sets; `most` nodes, the same each time, stand for all."""

    def __init__(
        self,
        spec: Sequential,
        basis: Basis,
        validation: Dataset,
        test: Dataset,
        rng: np.random.Generator,
        most: int = 64,
    ) -> None:
        """validation, test: raw, since nodes may differ in how they standardise."""
        self._spec = spec
        self._basis = basis
        self._raw = np.concatenate([validation.features, test.features])
        self._targets = [_targets(validation), _targets(test)]
        self._border = len(validation)
        self._rng = rng
        self._most = most
        self._chosen: list[int] | None = None
        self._prepared: tuple[Scale | None, Floats] | None = None
        # Of this look, by model: all are alike at first, and what comes last is asked for twice.
        self._known: dict[tuple[int, bytes], tuple[float, float]] = {}

    def test_scores(self, candidates: Sequence[Candidate]) -> list[float]:
        """Per judged node, of the model that it predicts with."""
        judged = self._judged(candidates)
        return [self._score(each.member, each.replica.average)[1] for each in judged]

    def looks(self, candidates: Sequence[Candidate]) -> tuple[Look, Look]:
        """Of the judged nodes' (average, current) models."""
        self._known.clear()
        judged = self._judged(candidates)
        average = self._look([(each.member, each.replica.average) for each in judged])
        current = self._look([(each.member, each.replica.parameters) for each in judged])
        return average, current

    def own_score(self, candidates: Sequence[Candidate]) -> Score | None:
        """Of the models that judged nodes predict with, each on rows that it holds back itself."""
        scores = [
            self._part(predict(self._spec, whole, held.features), _targets(held))
            for each in self._judged(candidates)
            if (held := each.member.held) is not None
            for whole in [each.member.complete(each.replica.average)]
        ]
        return _summary(scores) if scores else None

    def spread(self, candidates: Sequence[Candidate]) -> float:
        """Root mean square distance of the judged nodes' gossiped models from their mean."""
        models = np.stack([each.replica.parameters for each in self._judged(candidates)])
        return float(np.sqrt(np.square(models - models.mean(0)).sum(1).mean()))

    def _judged(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        if self._chosen is None:
            order = self._rng.permutation(len(candidates))[: self._most]
            self._chosen = sorted(order.tolist())
        return [candidates[node] for node in self._chosen]

    def _look(self, models: Sequence[tuple[Member, Floats]]) -> Look:
        scores = [self._score(member, model) for member, model in models]
        validation, test = ([pair[part] for pair in scores] for part in (0, 1))
        return Look(validation=_summary(validation), test=_summary(test))

    def _score(self, member: Member, parameters: Floats) -> tuple[float, float]:
        whole = member.complete(parameters)
        model = id(member.scale), blake2b(whole.data, digest_size=DIGEST_BYTES).digest()
        if model not in self._known:
            self._known[model] = self._judge(whole, member.scale)
        return self._known[model]

    def _judge(self, whole: Floats, scale: Scale | None) -> tuple[float, float]:
        outputs = predict(self._spec, whole, self._features(scale))
        first, second = outputs[: self._border], outputs[self._border :]
        validation, test = self._targets
        return self._part(first, validation), self._part(second, test)

    def _features(self, scale: Scale | None) -> Floats:
        """Prepared anew only where nodes do not agree on a scale."""
        if self._prepared is None or self._prepared[0] is not scale:
            self._prepared = scale, transform(self._basis, self._raw, scale)
        return self._prepared[1]

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
