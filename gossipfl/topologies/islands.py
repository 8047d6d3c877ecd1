"""Two halves that know nothing of each other, until they meet."""

import attrs
from attrs.validators import ge

from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import Adjacency
from gossipfl.topologies.random_regular import RandomRegular


@attrs.frozen
class Islands(Topology):
    """In epoch 0 a random graph in each half of the members; later one over all besides.

    degree: neighbours a node in each of these graphs.
    seed: another seed, other graphs; the same on every node of a cluster.
    """

    degree: int = attrs.field(default=4, validator=ge(1))
    seed: int = 0

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """The islands' own links, and bridges."""
        graph, half = RandomRegular(self.degree, self.seed), len(members) // 2
        # Old links stay when the islands meet, so these are the graphs of epoch 0 for good.
        first, second = (graph.adjacency(part, 0) for part in (members[:half], members[half:]))
        islands = [set(row) for row in first] + [{half + j for j in row} for row in second]
        if epoch == 0:
            return [sorted(row) for row in islands]
        bridges = graph.adjacency(members, 1)
        return [sorted(row.union(more)) for row, more in zip(islands, bridges, strict=True)]
