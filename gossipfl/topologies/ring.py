"""Each mixes with the two next to it in id order: the fewest links, the slowest consensus."""

from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import Adjacency


class Ring(Topology):
    """Degree 2; diameter n / 2."""

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """The last is next to the first."""
        size = len(members)
        return [sorted({(i - 1) % size, (i + 1) % size} - {i}) for i in range(size)]
