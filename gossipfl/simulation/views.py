"""Each node's neighbours, from a topology over those that are known to be live."""

from collections.abc import Callable, Sequence

from gossipfl.simulation.engine import Engine
from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import Adjacency, listeners
from gossipfl.topologies.members import members_for
from gossipfl.topologies.weights import Rows, weigh


class Views:
    """Rows of a topology by node number.

    renew_s: virtual seconds between two epochs; 0 stays in the first.
    repair_s: so often all learn who is live, and the graph is one of these; 0: it is always one of
        all nodes.
    mixing, samples: see topologies/weights.py; samples per node.
    """

    def __init__(
        self,
        topology: Topology,
        nodes: int,
        engine: Engine,
        renew_s: float = 0,
        *,
        repair_s: float = 0,
        is_live: Callable[[int], bool] = lambda node: True,
        mixing: str = "own",
        samples: Sequence[float] = (),
    ) -> None:
        """Raises ConfigError for a topology that was made for another number of nodes."""
        self._topology = topology
        self._ids = members_for(topology, nodes)
        self._engine = engine
        self._renew_s = renew_s
        self._repair_s = repair_s
        self._is_live = is_live
        self._mixing = mixing
        self._samples = samples
        self._epoch = self._look = -1
        self._live: Sequence[int] = range(nodes)
        self._is_settled = False
        self._links: Adjacency = ()
        self._listeners: Adjacency = ()
        self._rows: Rows = ()

    def neighbours(self, node: int) -> Sequence[int]:
        """Ascending numbers of those whose models `node` takes now."""
        if not self._is_settled:
            self._refresh()
        return self._links[node]

    def listeners(self, node: int) -> Sequence[int]:
        """Ascending numbers of those that take the model of `node` now."""
        self._refresh()
        self._listeners = self._listeners or listeners(self._links)
        return self._listeners[node]

    def weights(self, node: int) -> dict[int, float]:
        """The node's row of the mixing matrix, itself included."""
        self._refresh()
        self._rows = self._rows or self._weighed()
        row = self._rows[node]
        return {**row, node: 1 - sum(row.values())}

    def _refresh(self) -> None:
        now_s = self._engine.now_s
        epoch = int(now_s / self._renew_s) if self._renew_s else 0
        look = int(now_s / self._repair_s) if self._repair_s else 0
        if (epoch, look) == (self._epoch, self._look):
            return
        if self._repair_s and look != self._look:
            self._live = [node for node in range(len(self._ids)) if self._is_live(node)]
        self._epoch, self._look = epoch, look
        self._links, self._listeners, self._rows = self._linked(), (), ()
        self._is_settled = not (self._renew_s or self._repair_s)

    def _members(self) -> tuple[str, ...]:
        return tuple(self._ids[node] for node in self._live)

    def _linked(self) -> Adjacency:
        # All rows at once: asking a row at a time would take the square of the nodes.
        found = self._topology.adjacency(self._members(), self._epoch)
        if len(self._live) == len(self._ids):
            return found
        links: list[list[int]] = [[] for _ in self._ids]
        for node, row in zip(self._live, found, strict=True):
            links[node] = [self._live[j] for j in row]
        return links

    def _weighed(self) -> Rows:
        found = self._topology.rows(self._members(), self._epoch)
        samples = [self._samples[node] for node in self._live] if self._samples else ()
        rows: list[dict[int, float]] = [{} for _ in self._ids]
        for node, row in zip(self._live, weigh(self._mixing, found, samples), strict=True):
            rows[node] = {self._live[j]: weight for j, weight in row.items()}
        return rows
