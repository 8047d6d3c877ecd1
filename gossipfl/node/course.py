"""Whom this node links to and mixes with, as a topology says of all that it takes for live.

Nothing is agreed on but who is there: each node asks the same function with the ids that it knows.
Where two know different ones, both are linked to those that either wants, and exchanges go on.
Ids are the instance ids that nodes announce, so an order of ids lasts as long as the processes do;
in an edge list they are the names that devices have.
"""

from collections.abc import Callable, Mapping
from typing import Final

from gossipfl.errors import ConfigError
from gossipfl.topologies.base import Topology
from gossipfl.topologies.links import both_ways
from gossipfl.topologies.members import padded

# Links of a schedule that repeats no sooner are made a few rounds ahead, and not all at once.
WINDOW_MAX: Final = 16
AHEAD: Final = 2


class Course:
    """The topology's answers for one node; without a topology everybody will do.

    own: our instance and name.  live: names of all instances that we take for live, with or
    without ours.  epoch: number of the round that clocks show now.
    """

    def __init__(
        self,
        topology: Topology | None,
        own: tuple[str, str],
        live: Callable[[], Mapping[str, str]],
        epoch: Callable[[], int],
    ) -> None:
        self._topology = topology
        self._own = own
        self._live = live
        self._epoch = epoch
        self._known: tuple[dict[str, str], int] | None = None
        self._wanted: frozenset[str] = frozenset()
        self._turn: frozenset[str] = frozenset()

    @property
    def is_free(self) -> bool:
        """Any peers will do."""
        return self._topology is None

    def wants(self, instance: str) -> bool:
        """We should have a link to it; or try whether it is back, where we take it for gone."""
        self._refresh()
        return self.is_free or instance in self._wanted or instance not in self._instances

    def is_turn(self, instance: str) -> bool:
        """It is one of those to mix with in this round."""
        self._refresh()
        return self.is_free or instance in self._turn

    @property
    def _instances(self) -> Mapping[str, str]:
        return self._known[0] if self._known else {}

    def _refresh(self) -> None:
        if self._topology is None:
            return
        instance, name = self._own
        live = {**self._live(), instance: name}
        ids = live.keys() if self._topology.ids is None else map(padded, live.values())
        id_of = dict(zip(live, ids, strict=True))
        members = tuple(sorted(set(id_of.values())))
        period = self._topology.period(len(members))
        epoch = self._epoch() if period != 1 else 0
        if self._known == (id_of, epoch):
            return
        self._known = id_of, epoch
        ahead = period if 0 < period <= WINDOW_MAX else AHEAD
        # Both ends keep a link that goes one way; the one that takes opens exchanges.
        number = members.index(id_of[instance])
        rounds = [self._topology.adjacency(members, epoch + place) for place in range(ahead)]
        takes = {members[j] for j in rounds[0][number]}
        wants = {members[j] for links in rounds for j in both_ways(links)[number]}
        # A name that several have stands for all of them.
        self._turn = frozenset(each for each, id in id_of.items() if id in takes)
        self._wanted = frozenset(each for each, id in id_of.items() if id in wants)


def parse_course(text: str | None, name: str, seed: int) -> Topology | None:
    """The topology of the settings of the node of this name, if any.  Raises ConfigError."""
    if text is None:
        return None
    from gossipfl.topologies.named import parse_topology  # all of them, and most nodes need none

    topology = parse_topology(text, seed)
    if topology.ids is not None and padded(name) not in topology.ids:
        raise ConfigError(f"topology {text}: this node, {name}, is not in it: add its edges")
    return topology
