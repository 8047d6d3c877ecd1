"""CHOCO-SGD: compressed differences to public copies that neighbours keep of each other.

Koloskova, Stich and Jaggi, "Decentralized Stochastic Optimization and Gossip Algorithms with
Compressed Communication" (2019, arXiv:1902.00340), Algorithm 2, in the memory-saving form of
Algorithm 6: one sum of the neighbours' copies instead of one copy each.  The compressor is our
own: top-k, a sign each, one scale a tensor.
"""

import numpy as np

from gossipfl.compression import Codec, Delta
from gossipfl.errors import ConfigError
from gossipfl.simulation.baselines.synchronous import Synchronous, Vector


class Choco(Synchronous):
    """step: the consensus step size, above 0 and at most 1; the more is left out, the smaller.

    The algorithm knows no repairs: where a message is lost or a neighbour is new, copies differ for
    good.
    """

    def __init__(self, codec: Codec, step: float) -> None:
        super().__init__()
        if not 0 < step <= 1:
            raise ConfigError(f"CHOCO's step is above 0 and at most 1, not {step}")
        self._codec = codec
        self._step = np.float32(step)

    def prepare(self) -> None:
        """public: each node's copy of itself, as others have it; gap: sum_j W_ij (copy_j - own).

        All start at the initial model instead of at zero: everybody knows it.
        """
        self.public = [self.world.initial.copy() for _ in self.members]
        self.gap = [np.zeros_like(self.world.initial) for _ in self.members]

    def speak(self, node: int) -> None:
        """The compressed difference to the public copy, to every neighbour."""
        own, public = self.parameters(node), self.public[node]
        payload = self._codec.encode_difference(own, public)[0]
        delta = self._codec.decode(payload)
        _add(public, delta, 1.0)
        _add(self.gap[node], delta, self.world.views.weights(node)[node] - 1)
        self.send(node, self.world.views.neighbours(node), payload)

    def mix(self, node: int, heard: dict[int, bytes]) -> None:
        """x_i += step * sum_j W_ij (copy_j - copy_i)."""
        weights = self.world.views.weights(node)
        for other, payload in heard.items():
            _add(self.gap[node], self._codec.decode(payload), weights[other])
        self.parameters(node)[:] += self._step * self.gap[node]


def _add(vector: Vector, delta: Delta, weight: float) -> None:
    vector[delta.indices] += np.float32(weight) * delta.values
