"""Each mixes with the two next to it in id order: the fewest links, the slowest consensus."""

from collections.abc import Sequence

from gossipfl.topologies.base import Graph


class Ring(Graph):
    def adjacency(self, members: tuple[str, ...], epoch: int) -> Sequence[Sequence[int]]:
        size = len(members)
        return [sorted({(i - 1) % size, (i + 1) % size} - {i}) for i in range(size)]
