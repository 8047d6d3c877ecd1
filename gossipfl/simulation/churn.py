"""Who is there when: nodes that come and go, by chance or as a trace says."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np
from attrs import Factory, define, field, frozen
from attrs.validators import ge, gt, lt

from gossipfl.errors import ConfigError
from gossipfl.simulation.checks import checked
from gossipfl.simulation.engine import Engine


@define
class Presence:
    """Which nodes are online; a node that is not neither trains nor receives, but keeps all.

    online: as they come and go.  held: whom a fault keeps away, whatever they would do.
    away: who is not there, for either reason; never an end beyond the nodes, such as a coordinator.
    """

    nodes: int
    online: list[bool] = Factory(lambda self: [True] * self.nodes, takes_self=True)
    held: list[bool] = Factory(lambda self: [False] * self.nodes, takes_self=True)
    away: set[int] = Factory(set)

    def is_online(self, end: int) -> bool:
        """Whether it trains and receives now."""
        return end not in self.away

    def hold(self, node: int, away: bool) -> None:
        """A fault takes the node away, or lets it come back."""
        self.held[node] = away
        self._note(node)

    def switch(self, node: int, online: bool) -> None:
        """The node comes, or goes."""
        self.online[node] = online
        self._note(node)

    def _note(self, node: int) -> None:
        if self.online[node] and not self.held[node]:
            self.away.discard(node)
        else:
            self.away.add(node)


@frozen(kw_only=True)
class OnOff:
    """Exponential sessions: every node is away for `share` of the time, `away_s` at a time."""

    share: float = field(validator=checked(ge(0), lt(1)))
    away_s: float = field(default=10.0, validator=checked(gt(0)))

    def start(self, engine: Engine, presence: Presence, rng: np.random.Generator) -> None:
        """Schedule all comings and goings; the run starts in the steady state."""
        for node in range(presence.nodes if self.share else 0):
            presence.switch(node, bool(rng.random() >= self.share))
            self._schedule(engine, presence, node, rng)

    def _schedule(
        self, engine: Engine, presence: Presence, node: int, rng: np.random.Generator
    ) -> None:
        online = presence.online[node]
        mean_s = self.away_s * (1 - self.share) / self.share if online else self.away_s
        delay_s = float(rng.exponential(mean_s))
        engine.schedule(delay_s, self._turn, engine, presence, node, rng)

    def _turn(
        self, engine: Engine, presence: Presence, node: int, rng: np.random.Generator
    ) -> None:
        presence.switch(node, not presence.online[node])
        self._schedule(engine, presence, node, rng)


@frozen(order=True)
class Session:
    """A node is online from `from_s` until `to_s`."""

    node: int
    from_s: float
    to_s: float


Switch = tuple[float, int, bool]


def _switches(switches: Iterable[Switch]) -> Sequence[Switch]:
    return tuple(switches)


@frozen
class Trace:
    """switches: (time_s, node, online), in any order; all are online until told otherwise."""

    switches: Sequence[Switch] = field(converter=_switches)

    @classmethod
    def of_sessions(cls, sessions: Iterable[Session]) -> "Trace":
        """Nodes of which there are sessions are online then and only then, all others always.

        Raises ConfigError for sessions of one node that overlap.
        """
        by_node = groupby(sorted(sessions), lambda session: session.node)
        return cls(switch for _, own in by_node for switch in _switches_of(list(own)))

    def start(self, engine: Engine, presence: Presence, rng: np.random.Generator) -> None:
        """Schedule all switches.  Raises ConfigError for a node or time that does not exist."""
        for time_s, node, online in sorted(self.switches):
            if not (0 <= node < presence.nodes and time_s >= 0):
                raise ConfigError(f"the trace switches node {node} at {time_s} s: no such moment")
            engine.schedule(time_s, presence.switch, node, online)


def _switches_of(sessions: Sequence[Session]) -> Iterator[Switch]:
    """One node's, from its sessions in order.  Where one follows at once, it comes as it goes."""
    for before, after in pairwise(sessions):
        if after.from_s < before.to_s:
            raise ConfigError(
                f"node {after.node} has a session from {before.from_s:g} s to {before.to_s:g} s "
                f"and one from {after.from_s:g} s: join those that overlap"
            )
    yield 0.0, sessions[0].node, False
    for session in sessions:
        yield session.from_s, session.node, True
        yield session.to_s, session.node, False


Churn = OnOff | Trace
