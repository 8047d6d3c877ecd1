"""Whom this node links to and mixes with, as a topology says of all that it takes for live.

Nothing is agreed on but who is there: each node asks the same function with the ids that it knows.
Where two know different ones, both are linked to those that either wants, and exchanges go on.
Ids are the instance ids that nodes announce, so an order of ids lasts as long as the processes do.
"""

from collections.abc import Callable, Iterable
from typing import Final

from gossipfl.errors import ConfigError
from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import both_ways

# Links of a schedule that repeats no sooner are made a few rounds ahead, and not all at once.
WINDOW_MAX: Final = 16
AHEAD: Final = 2


class Course:
    """The topology's answers for one node; without a topology everybody will do.

    own: our id.  live: all ids that we take for live, with or without ours.
    epoch: number of the round that clocks show now.
    """

    def __init__(
        self,
        topology: Topology | None,
        own: str,
        live: Callable[[], Iterable[str]],
        epoch: Callable[[], int],
    ) -> None:
        self._topology = topology
        self._own = own
        self._live = live
        self._epoch = epoch
        self._known: tuple[tuple[str, ...], int] | None = None
        self._wanted: frozenset[str] = frozenset()
        self._turn: frozenset[str] = frozenset()

    @property
    def is_free(self) -> bool:
        """Any peers will do."""
        return self._topology is None

    def wants(self, id: str) -> bool:
        """We should have a link to it; or try whether it is back, where we take it for gone."""
        self._refresh()
        return self.is_free or id in self._wanted or id not in self._members

    def is_turn(self, id: str) -> bool:
        """It is one of those to mix with in this round."""
        self._refresh()
        return self.is_free or id in self._turn

    @property
    def _members(self) -> tuple[str, ...]:
        return self._known[0] if self._known else ()

    def _refresh(self) -> None:
        if self._topology is None:
            return
        members = tuple(sorted({*self._live(), self._own}))
        period = self._topology.period(len(members))
        epoch = self._epoch() if period != 1 else 0
        if self._known == (members, epoch):
            return
        self._known = members, epoch
        ahead = period if 0 < period <= WINDOW_MAX else AHEAD
        # Both ends keep a link that goes one way; the one that takes opens exchanges.
        rounds = [self._near(self._topology, epoch + place) for place in range(ahead)]
        self._turn, self._wanted = rounds[0][0], frozenset().union(*(both for _, both in rounds))

    def _near(self, topology: Topology, epoch: int) -> tuple[frozenset[str], frozenset[str]]:
        """(whose models we take, and also those that take ours) in that round."""
        members = self._members
        number = members.index(self._own)
        links = topology.adjacency(members, epoch)
        takes, both = links[number], both_ways(links)[number]
        return frozenset(members[j] for j in takes), frozenset(members[j] for j in both)


def parse_course(text: str | None, seed: int) -> Topology | None:
    """The topology of a node's settings, if any.  Raises ConfigError."""
    if text is None:
        return None
    from gossipfl.topologies.named import parse_topology  # all of them, and most nodes need none

    topology = parse_topology(text, seed)
    if topology.ids is not None:
        raise ConfigError(
            "an edge list is for swarm and simulate, whose nodes have numbers: a node takes a name "
            "such as random:4; or name its links by --peer with --no-mdns and --no-hints"
        )
    return topology
