"""Clusters of clusters: sites with good links inside and few bridges between them."""

from itertools import combinations, pairwise

import attrs
from attrs.validators import ge

from gossipfl.topologies.base import Topology
from gossipfl.topologies.drawing import order
from gossipfl.topologies.links import Adjacency
from gossipfl.topologies.random_regular import RandomRegular

_DEGREE = 4


@attrs.frozen
class Clusters(Topology):
    """The members in id order make clusters of equal size, so a site's ids begin alike.

    Inside, everybody has about 4 random neighbours.
    count: of clusters.  bridges: links between each two of them.
    seed: another seed, other graphs; the same on every node of a cluster.
    """

    count: int = attrs.field(default=4, validator=ge(1))
    bridges: int = attrs.field(default=1, validator=ge(1))
    seed: int = 0

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """Bridges start at random members, another for every bridge while there are enough."""
        size, count = len(members), min(self.count, len(members))
        starts = [size * place // count for place in range(count + 1)]
        rows: list[set[int]] = []
        gates: list[list[int]] = []
        for start, stop in pairwise(starts):
            part = members[start:stop]
            inside = RandomRegular(_DEGREE, self.seed).adjacency(part, epoch)
            rows += [{start + j for j in row} for row in inside]
            gates.append([start + i for i in order(part, f"clusters/{self.seed}/{epoch}")])
        for one, other in combinations(range(count), 2):
            for bridge in range(min(self.bridges, len(gates[one]), len(gates[other]))):
                i = gates[one][(other * self.bridges + bridge) % len(gates[one])]
                j = gates[other][(one * self.bridges + bridge) % len(gates[other])]
                rows[i].add(j)
                rows[j].add(i)
        return [sorted(row) for row in rows]
