"""Each mixes with those whose number differs in one binary digit; diameter and degree log2 n.

For numbers of members that are no power of two some corners are missing, and it is still connected
(Katseff, "Incomplete hypercubes", 1988).
"""

from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import Adjacency


class Hypercube(Topology):
    """Numbers are places in id order."""

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """Corners that exist."""
        size = len(members)
        bits = [1 << bit for bit in range((size - 1).bit_length())]
        return [sorted(i ^ bit for bit in bits if i ^ bit < size) for i in range(size)]
