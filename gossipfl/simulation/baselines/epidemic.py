"""Epidemic Learning (see topologies/epidemic.py): plain averages of what comes in."""

from collections.abc import Sequence

import numpy as np

from gossipfl.errors import ConfigError
from gossipfl.simulation.baselines.dense import pack, unpack
from gossipfl.simulation.baselines.synchronous import Synchronous
from gossipfl.topologies.base import Topology
from gossipfl.topologies.epidemic import EpidemicLocal, EpidemicOracle
from gossipfl.topologies.links import listeners
from gossipfl.topologies.members import member_ids


class Epidemic(Synchronous):
    """fanout: to how many each node sends.  oracle: whether one graph serves all."""

    def __init__(self, fanout: int, *, oracle: bool) -> None:
        super().__init__()
        if fanout < 1:
            raise ConfigError(f"Epidemic Learning sends to at least 1 node, not {fanout}")
        self._fanout = fanout
        self._make = EpidemicOracle if oracle else EpidemicLocal

    def prepare(self) -> None:
        """Draws are seeded, and new in every round."""
        self._topology: Topology = self._make(self._fanout, self.world.seed)
        self._drawn = -1

    def receivers(self, node: int) -> Sequence[int]:
        """To whom the node sends in this round."""
        if self._drawn != self.round:
            self._drawn = self.round
            members = member_ids(len(self.members))
            self._listeners = listeners(self._topology.adjacency(members, self.round))
        return self._listeners[node]

    def speak(self, node: int) -> None:
        """The whole model."""
        self.send(node, self.receivers(node), pack(self.parameters(node)))

    def mix(self, node: int, heard: dict[int, bytes]) -> None:
        """The mean of all that was heard and of the node's own model."""
        total = self.parameters(node).astype(np.float64)
        for payload in heard.values():
            total += unpack(payload)
        self.parameters(node)[:] = total / (1 + len(heard))
