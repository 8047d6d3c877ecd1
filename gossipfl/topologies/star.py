"""Everybody mixes with the first in id order: what a central server would be, for comparison."""

from collections.abc import Sequence

from gossipfl.topologies.base import Graph


class Star(Graph):
    def adjacency(self, members: tuple[str, ...], epoch: int) -> Sequence[Sequence[int]]:
        leaves = range(1, len(members))
        return [list(leaves), *([0] for _ in leaves)]
