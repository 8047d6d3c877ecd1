"""Everybody mixes with the first in id order: what a central server would be, for comparison."""

from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import Adjacency


class Star(Topology):
    """Degree 1, and n - 1 in the middle."""

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """The first with all others."""
        leaves = range(1, len(members))
        return [list(leaves), *([0] for _ in leaves)]
