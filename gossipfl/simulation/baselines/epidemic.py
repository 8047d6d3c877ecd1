"""Epidemic Learning: every round, whole models to a few nodes drawn at random; plain averaging.

De Vos et al., "Epidemic Learning: Boosting Decentralized Learning with Randomized Communication"
(2023, arXiv:2310.01972).  EL-Local draws at every node on its own, so that some hear many and
some nobody; EL-Oracle draws one regular graph for all.
"""

from collections.abc import Sequence

import numpy as np

from gossipfl.errors import ConfigError
from gossipfl.simulation.baselines.dense import pack, unpack
from gossipfl.simulation.baselines.synchronous import Synchronous
from gossipfl.simulation.chance import stream
from gossipfl.simulation.views import member_ids
from gossipfl.topologies.random_regular import RandomRegular


class Epidemic(Synchronous):
    """fanout: to how many each node sends.  oracle: whether one graph serves all."""

    def __init__(self, fanout: int, *, oracle: bool) -> None:
        super().__init__()
        if fanout < 1:
            raise ConfigError(f"Epidemic Learning sends to at least 1 node, not {fanout}")
        self._fanout = fanout
        self._oracle = oracle

    def prepare(self) -> None:
        """Draws are seeded; the oracle's graph is new in every round."""
        self._rng = stream(self.world.seed, "epidemic")
        self._graph = RandomRegular(degree=self._fanout, seed=self.world.seed)

    def receivers(self, node: int) -> Sequence[int]:
        """To whom the node sends in this round."""
        nodes = len(self.members)
        if self._oracle:
            return self._graph.adjacency(member_ids(nodes), self.round)[node]
        others = self._rng.choice(nodes - 1, size=min(self._fanout, nodes - 1), replace=False)
        return [int(other) + (other >= node) for other in others]

    def speak(self, node: int) -> None:
        """The whole model."""
        self.send(node, self.receivers(node), pack(self.parameters(node)))

    def mix(self, node: int, heard: dict[int, bytes]) -> None:
        """The mean of all that was heard and of the node's own model."""
        total = self.parameters(node).astype(np.float64)
        for payload in heard.values():
            total += unpack(payload)
        self.parameters(node)[:] = total / (1 + len(heard))
