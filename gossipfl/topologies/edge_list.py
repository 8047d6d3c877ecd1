"""A graph of one's own, edge by edge."""

from collections.abc import Collection, Iterable
from functools import cached_property

import attrs

from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import Adjacency


def _pairs(edges: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset((min(edge), max(edge)) for edge in edges if edge[0] != edge[1])


@attrs.frozen(slots=False)
class EdgeList(Topology):
    """Links go both ways, and live members that no edge names have none.

    When members are gone, those that they held together are linked in a ring instead: what was
    connected stays so.
    """

    edges: frozenset[tuple[str, str]] = attrs.field(converter=_pairs)
    nodes: Collection[str] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All that are named."""
        return tuple(sorted(self._near))

    @cached_property
    def _near(self) -> dict[str, set[str]]:
        near: dict[str, set[str]] = {name: set() for name in self.nodes}
        for one, other in self.edges:
            near.setdefault(one, set()).add(other)
            near.setdefault(other, set()).add(one)
        return near

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """The edges between members, and rings around those that are gone."""
        numbers = {name: i for i, name in enumerate(members)}
        rows = [
            {numbers[other] for other in self._near.get(name, ()) if other in numbers}
            for name in members
        ]
        for around in self._gaps(numbers):
            for i, j in zip(around, around[1:] + around[:1], strict=True):
                rows[i].add(j)
                rows[j].add(i)
        return [sorted(row - {i}) for i, row in enumerate(rows)]

    def _gaps(self, numbers: dict[str, int]) -> list[list[int]]:
        """For each connected set of missing nodes the members next to it."""
        gone = {name for name in self._near if name not in numbers}
        gaps = []
        while gone:
            around, todo = set(), [min(gone)]
            gone.discard(todo[0])
            while todo:
                near = self._near[todo.pop()]
                around |= {numbers[name] for name in near if name in numbers}
                todo += near & gone
                gone -= near
            gaps.append(sorted(around))
        return gaps
