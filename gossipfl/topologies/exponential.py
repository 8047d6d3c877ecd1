"""Models go 1, 2, 4, 8, ... places on: the exponential graphs, whole and one link a round.

Assran et al., "Stochastic Gradient Push for Distributed Deep Learning" (2019, arXiv:1811.10792);
Ying et al., "Exponential Graph is Provably Efficient for Decentralized Deep Training" (2021,
arXiv:2110.13363).  Links go one way, and every weight is the same, so the mixing matrix is doubly
stochastic though not symmetric.
"""

from gossipfl.topologies.base import Topology, Weighted
from gossipfl.topologies.links import Adjacency
from gossipfl.topologies.weights import Rows, uniform


class Exponential(Weighted):
    """All ceil(log2 n) links at once."""

    def rows(self, members: tuple[str, ...], epoch: int) -> Rows:
        """Everybody takes from those 1, 2, 4, ... places before it."""
        size = len(members)
        steps = [1 << power for power in range(_powers(size))]
        return uniform([sorted((i - step) % size for step in steps) for i in range(size)])


class OnePeerExponential(Topology):
    """One of them each round, in turn: exact after log2 n rounds where n is a power of two."""

    def period(self, size: int) -> int:
        """Once through the powers."""
        return max(1, _powers(size))

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """Everybody takes from the one 2^epoch places before it, and weighs both alike."""
        size = len(members)
        step = turn(size, epoch)
        return [sorted({(i - step) % size} - {i}) for i in range(size)]


def turn(size: int, epoch: int) -> int:
    """How many places on models go in this round."""
    return 1 << epoch % max(1, _powers(size))


def _powers(size: int) -> int:
    """Powers of two below `size`."""
    return (size - 1).bit_length()
