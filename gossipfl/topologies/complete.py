"""Everybody mixes with everybody: the fastest consensus, at n - 1 links a node."""

from collections.abc import Sequence

from gossipfl.topologies.base import Neighbour, Topology, members_of
from gossipfl.topologies.links import Adjacency


class Complete(Topology):
    """Every pair."""

    def adjacency(self, members: tuple[str, ...], epoch: int) -> Adjacency:
        """Rows of one list's integers, since thousands of members have millions of pairs."""
        everybody = list(range(len(members)))
        return [everybody[:i] + everybody[i + 1 :] for i in everybody]

    def neighbours(self, ids: Sequence[str], own: str, epoch: int) -> tuple[Neighbour, ...]:
        """Our own row alone."""
        members = members_of(ids, own)
        return tuple(Neighbour(id, 1 / len(members)) for id in members if id != own)
