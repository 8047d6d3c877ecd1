"""Each node's neighbours, from a topology that may be drawn anew every so often."""

from collections.abc import Sequence
from functools import lru_cache

from gossipfl.simulation.engine import Engine
from gossipfl.topologies.base import Graph, Topology


class Views:
    """Rows of a topology by node number.

    renew_s: virtual seconds between two drawings of the graph; 0 keeps the first.
    """

    def __init__(self, topology: Topology, nodes: int, engine: Engine, renew_s: float = 0) -> None:
        self._topology = topology
        self._members = member_ids(nodes)
        self._engine = engine
        self._renew_s = renew_s
        self._epoch = -1
        self._rows: Sequence[Sequence[int]] = ()

    def neighbours(self, node: int) -> Sequence[int]:
        """Ascending numbers of those that `node` may mix with now."""
        self._refresh()
        return self._rows[node]

    def weights(self, node: int) -> dict[int, float]:
        """The node's row of the Metropolis-Hastings mixing matrix, itself included."""
        mine = self.neighbours(node)
        row = {other: 1 / (1 + max(len(mine), len(self._rows[other]))) for other in mine}
        return {**row, node: 1 - sum(row.values())}

    def _refresh(self) -> None:
        epoch = int(self._engine.now_s / self._renew_s) if self._renew_s else 0
        if epoch == self._epoch:
            return
        self._epoch = epoch
        self._rows = self._draw(epoch)

    def _draw(self, epoch: int) -> Sequence[Sequence[int]]:
        if isinstance(self._topology, Graph):
            # All rows at once: asking a row at a time would take the square of the nodes.
            return self._topology.adjacency(self._members, epoch)
        found = (self._topology.neighbours(self._members, own, epoch) for own in self._members)
        return [[int(neighbour.id) for neighbour in row] for row in found]


@lru_cache(maxsize=4)
def member_ids(nodes: int) -> tuple[str, ...]:
    """Ids for topologies, padded so that their order is the order of numbers."""
    return tuple(f"{node:08d}" for node in range(nodes))
