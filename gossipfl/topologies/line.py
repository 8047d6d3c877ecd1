"""A ring that is open at one place: what a chain of relays is."""

from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import Adjacency


class Line(Topology):
    """Degree 2, at the ends 1; diameter n - 1."""

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """Each with the one before and the one behind in id order."""
        size = len(members)
        return [[j for j in (i - 1, i + 1) if 0 <= j < size] for i in range(size)]
