"""A ring of near neighbours with some links rewired to anywhere.

Watts and Strogatz, "Collective dynamics of 'small-world' networks" (1998).  Links to the very next
are never rewired, so that the graph is always connected.
"""

from collections.abc import Iterator

import attrs
from attrs.validators import ge, le

from gossipfl.topologies.base import Topology
from gossipfl.topologies.drawing import Circle, integers
from gossipfl.topologies.links import Adjacency

_TRIES = 16


@attrs.frozen
class SmallWorld(Topology):
    """degree: mean neighbours a node, half of them on each side; an odd one counts as one less.

    rewired: share of the links beyond the next that go anywhere.
    seed: another seed, other graphs; the same on every node of a cluster.
    """

    degree: int = attrs.field(default=4, validator=ge(2))
    rewired: float = attrs.field(default=0.2, validator=[ge(0), le(1)])
    seed: int = 0

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """Near links first, so that a rewired one never takes the place of one to come."""
        size = len(members)
        reach = min(self.degree // 2, (size - 1) // 2) or min(1, size - 1)
        links = [(i, (i + step) % size) for step in range(1, reach + 1) for i in range(size)]
        rows: list[set[int]] = [set() for _ in members]
        for i, j in links:
            _link(rows, i, j)
        salt = f"small-world/{self.seed}/{epoch}"
        circle = Circle(members, salt)
        for place, (i, j) in enumerate(links[size:]):
            draws = integers(f"{salt}/{members[i]}/{place // size}")
            if next(draws) < self.rewired * 2**64:
                self._rewire(rows, i, j, circle, draws)
        return [sorted(row) for row in rows]

    @staticmethod
    def _rewire(rows: list[set[int]], i: int, j: int, circle: Circle, draws: Iterator[int]) -> None:
        for _ in range(_TRIES):
            other = circle.at(next(draws))
            if other != i and other not in rows[i]:
                rows[i].remove(j)
                rows[j].remove(i)
                _link(rows, i, other)
                return


def _link(rows: list[set[int]], i: int, j: int) -> None:
    rows[i].add(j)
    rows[j].add(i)
