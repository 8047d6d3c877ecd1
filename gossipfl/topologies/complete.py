"""Everybody mixes with everybody: the fastest consensus, at n - 1 links a node."""

from collections.abc import Sequence

from gossipfl.topologies.base import Neighbour, members_of


class Complete:
    def neighbours(self, ids: Sequence[str], own: str, epoch: int) -> tuple[Neighbour, ...]:
        """Without a Graph's rows: thousands of members would make them a square of millions."""
        members = members_of(ids, own)
        return tuple(Neighbour(id, 1 / len(members)) for id in members if id != own)
