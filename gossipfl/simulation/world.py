"""What every algorithm of an experiment finds: time, links, neighbours, data and a first model."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset
from gossipfl.data.statistics import Scale
from gossipfl.gossip.caution import Caution
from gossipfl.gossip.replica import Replica
from gossipfl.learning.learner import Learner
from gossipfl.learning.training import TrainingDiverged
from gossipfl.models.sequential import Sequential
from gossipfl.simulation.churn import Presence
from gossipfl.simulation.engine import Engine
from gossipfl.simulation.network import Network
from gossipfl.simulation.threat import NO_THREAT, Threat
from gossipfl.simulation.views import Views

Vector = NDArray[np.float32]


class Member:
    """One node's data and its copy of the model.

    scale: what its inputs are standardised with, if at all.
    rows: what it trains on, as its model sees them.
    held: rows of its own that it does not train on, if any, as its model sees them.
    diverged: rounds whose training gave no finite numbers and was dropped, as a node does.
    """

    def __init__(
        self,
        learner: Learner,
        rows: Dataset,
        initial: Vector,
        activity: float,
        scale: Scale | None = None,
        held: Dataset | None = None,
        caution: Caution | None = None,
    ) -> None:
        self.learner = learner
        self.rows = rows
        self.scale = scale
        self.held = held
        self.replica = Replica(
            initial,
            samples=learner.samples,
            step_size=learner.step_size,
            activity=activity,
            caution=caution,
        )
        self.diverged = 0

    def train(self) -> None:
        """One round of local steps."""
        # Training takes no virtual time, so that no merge can come between and no copy is needed.
        replica, start = self.replica, self.replica.start()
        try:
            fit = self.learner.fit(start, replica.correction())
        except TrainingDiverged:
            self.diverged += 1
            return
        replica.trained(start, fit.parameters, self.learner.step_size)

    def complete(self, parameters: Vector) -> Vector:
        """The model that this node predicts with, given what is gossiped of it."""
        self.learner.evaluate(parameters)  # fine-tunes, where that is asked for
        return self.learner.complete(parameters)

    def end_round(self) -> None:
        """Close the round's books: count it, and average the model in."""
        self.replica.end_round()


@frozen(kw_only=True)
class World:
    """The parts that an algorithm puts together.

    members: one per node.
    intervals_s: per node, mean virtual seconds between two rounds.
    seed: of every stream of randomness that the algorithm draws from.
    threat: who of the members lies; the others are honest.
    """

    engine: Engine
    network: Network
    presence: Presence
    views: Views
    spec: Sequential
    initial: Vector
    members: Sequence[Member]
    intervals_s: Sequence[float]
    seed: int
    threat: Threat = NO_THREAT

    def is_partner(self, node: int, other: int) -> bool:
        """It is there, and reached; a node knows within a ping which links are dead."""
        if other in self.presence.away:
            return False
        paths = self.network.paths
        return paths.are_clear or not paths.between(node, other).cut

    def partners(self, node: int) -> list[int]:
        """Neighbours that can be reached now."""
        return [other for other in self.views.neighbours(node) if self.is_partner(node, other)]

    @property
    def honest(self) -> list[int]:
        """All nodes that are no attackers, ascending."""
        return [node for node in range(len(self.members)) if node not in self.threat.attackers]


class Algorithm(Protocol):
    """One way for many nodes to learn one model."""

    def start(self, world: World) -> None:
        """Attach to the network and schedule the first events."""

    def replicas(self) -> Sequence[Replica]:
        """The models that the mesh would predict with, one per node or one for all."""
