"""Stochastic gradient push: push-sum over the one-peer exponential graph.

Assran et al., "Stochastic Gradient Push for Distributed Deep Learning" (2019, arXiv:1811.10792).
Each node holds a biased model x and a weight w, trains z = x / w, and hands half of both to one
peer, 1, 2, 4, ... places on, in turn.  It takes the views of nobody, only the numbers of all.
"""

import numpy as np

from gossipfl.simulation.baselines.dense import pack, unpack
from gossipfl.simulation.baselines.synchronous import Synchronous
from gossipfl.topologies.exponential import turn


class PushSum(Synchronous):
    """weights: w per node, summing to the nodes; a lost message takes its share of both along."""

    def prepare(self) -> None:
        """w = 1 everywhere."""
        self.weights = np.ones(len(self.members))

    def peer(self, node: int) -> int:
        """Whom the node hands its half to in this round."""
        nodes = len(self.members)
        return (node + turn(nodes, self.round)) % nodes

    def speak(self, node: int) -> None:
        """Half of w, and of x = w z, which is what the replica's z makes it."""
        self.weights[node] /= 2
        half = np.append(self.parameters(node), np.float32(1)) * np.float32(self.weights[node])
        self.send(node, [self.peer(node)], pack(half))

    def mix(self, node: int, heard: dict[int, bytes]) -> None:
        """Add up what came, and divide by the weight that came with it."""
        weight = self.weights[node]
        total = self.parameters(node) * weight
        for payload in heard.values():
            share = unpack(payload)
            total += share[:-1]
            weight += float(share[-1])
        self.weights[node] = weight
        self.parameters(node)[:] = total / weight
