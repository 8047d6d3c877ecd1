"""Few hubs and many leaves: who has many links gets more.

Barabási and Albert, "Emergence of scaling in random networks" (1999).
"""

import attrs
from attrs.validators import ge

from gossipfl.topologies.base import Topology
from gossipfl.topologies.drawing import integers, order
from gossipfl.topologies.links import Adjacency


@attrs.frozen
class ScaleFree(Topology):
    """The members join in a random order.

    links: of each that joins, to those that are there; drawn in proportion to their degrees.
    seed: another seed, other graphs; the same on every node of a cluster.
    """

    links: int = attrs.field(default=2, validator=ge(1))
    seed: int = 0

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """The first `links` + 1 are all linked to each other."""
        salt = f"scale-free/{self.seed}/{epoch}"
        joining, first = order(members, salt), min(self.links + 1, len(members))
        rows: list[set[int]] = [set() for _ in members]
        ends: list[int] = []  # every node as often as it has links
        for place, node in enumerate(joining):
            drawn = self._draw(ends, salt, members[node]) if place >= first else joining[:place]
            for other in drawn:
                rows[node].add(other)
                rows[other].add(node)
                ends += (node, other)
        return [sorted(row) for row in rows]

    def _draw(self, ends: list[int], salt: str, name: str) -> list[int]:
        chosen: set[int] = set()
        for number in integers(f"{salt}/{name}"):
            chosen.add(ends[number % len(ends)])
            if len(chosen) == self.links:
                break
        return sorted(chosen)  # the order of a set is nobody's promise
