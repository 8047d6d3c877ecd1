"""D-PSGD: local steps, then one step of a doubly stochastic mixing matrix over the neighbours.

Lian et al., "Can Decentralized Algorithms Outperform Centralized Algorithms?" (2017,
arXiv:1705.09056), with several local steps between two mixings, as ours.
"""

import numpy as np

from gossipfl.simulation.baselines.dense import pack, unpack
from gossipfl.simulation.baselines.synchronous import Synchronous


class DPSGD(Synchronous):
    """x_i = sum_j W_ij x_j; the weight of a neighbour that was not heard stays with the node.

    W may be another in every round, as schedules have it.
    """

    def prepare(self) -> None:
        """Nothing is remembered but the model."""

    def speak(self, node: int) -> None:
        """The whole model to everybody that takes it."""
        self.send(node, self.world.views.listeners(node), pack(self.parameters(node)))

    def mix(self, node: int, heard: dict[int, bytes]) -> None:
        """Weighted as the node's row of the mixing matrix says."""
        own, weights = self.parameters(node), self.world.views.weights(node)
        change = np.zeros_like(own)
        for other, payload in heard.items():
            change += np.float32(weights.get(other, 0)) * (unpack(payload) - own)
        own += change
