"""The product's own algorithm in virtual time: the node's exchange code without its sockets."""

from collections.abc import Mapping, Sequence
from typing import Final

from gossipfl.gossip.allowance import Allowance, Limits
from gossipfl.gossip.exchange import Exchange, ExchangeMessage
from gossipfl.gossip.link import Applied, LinkState
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import Scheme
from gossipfl.manifest import Manifest
from gossipfl.simulation.chance import stream
from gossipfl.simulation.lying import LyingScheme
from gossipfl.simulation.remembering import RememberingCodec
from gossipfl.simulation.world import World
from gossipfl.wire.messages import Request

NUMBER_BYTES: Final = 4
GUESSES: Final = 4


class SimulatedNode:
    """Trains, picks a neighbour, mixes, as the node does; one exchange machine per neighbour.

    Anchors come into being with the first exchange of a link, since most pairs never meet.

    applied, planted: exchanges merged, and links that had to be seeded anew.
    """

    def __init__(
        self, number: int, world: World, scheme: Scheme, allowance: Allowance, resend_s: float
    ) -> None:
        self.member = world.members[number]
        self.applied = self.planted = 0
        self._number = number
        self._replica = self.member.replica
        self._world = world
        self._engine = world.engine
        self._network = world.network
        self._away = world.presence.away
        self._views = world.views
        self._scheme = scheme
        self._allowance = allowance
        self._is_free = allowance.is_endless
        self._resend_s = resend_s
        self._mean_s = world.intervals_s[number]
        self._rng = stream(world.seed, "node", number)
        self._exchanges: dict[int, Exchange] = {}
        self._offered_s: dict[int, float] = {}

    @property
    def links(self) -> Mapping[int, LinkState]:
        """The state of every link that was ever used, by the neighbour's number."""
        return {other: exchange.state for other, exchange in self._exchanges.items()}

    def start(self) -> None:
        """Take part from now on."""
        self._world.network.attach(self._number, self.receive)
        self._plan_round()

    def receive(self, sender: int, message: ExchangeMessage) -> None:
        """Take one message in and send what it asks for."""
        if not self._is_free and isinstance(message, Request) and not self._affords_message():
            return
        exchange = self._exchanges.get(sender) or self._new_exchange(sender)
        outcome = exchange.receive(self._replica, message)
        for record in outcome.records:
            if isinstance(record, Applied):
                self.applied += 1
            else:
                self.planted += 1
        if outcome.answer is not None:
            self._network.send(self._number, sender, outcome.answer)

    def _plan_round(self) -> None:
        self._engine.schedule(self._mean_s * self._rng.standard_exponential(), self._round)

    def _round(self) -> None:
        if self._number not in self._away:
            self.member.train()
            self._replica.end_round()
            other = self._choose()
            if other is not None and (self._is_free or self._affords_message()):
                self._offer(other)
        self._plan_round()

    def _affords_message(self) -> bool:
        self._allowance.note(self._engine.now_s, self._network.sent_bytes[self._number])
        return self._allowance.affords_message

    def _choose(self) -> int | None:
        """One of the neighbours that are there and may be asked, all alike; None without any.

        A node knows within a ping which links are dead.
        """
        row = self._views.neighbours(self._number)
        # Nearly all may be asked, nearly always: guess before all of them are looked at.
        for _ in range(GUESSES if row else 0):
            other = row[int(self._rng.random() * len(row))]
            if self._may_ask(other):
                return other
        ready = [other for other in row if self._may_ask(other)]
        return ready[int(self._rng.random() * len(ready))] if ready else None

    def _may_ask(self, other: int) -> bool:
        if not self._world.is_partner(self._number, other):
            return False
        exchange = self._exchanges.get(other)
        if exchange is None or exchange.state.pending is None:
            return True
        waited_s = self._engine.now_s - self._offered_s.get(other, -self._resend_s)
        return waited_s >= self._resend_s

    def _offer(self, other: int) -> None:
        exchange = self._exchanges.get(other) or self._new_exchange(other)
        request = exchange.repeat() or exchange.offer(self._replica)[0]
        self._offered_s[other] = self._engine.now_s
        self._network.send(self._number, other, request)

    def _new_exchange(self, other: int) -> Exchange:
        scheme, world = self._scheme, self._world
        lie = world.threat.lie_of(self._number)
        if lie is not None:
            scheme = LyingScheme(scheme, lie, world, self._number, other)
        link = other.to_bytes(NUMBER_BYTES, "big")
        state = LinkState(scheme.new_anchor())
        exchange = Exchange(state, scheme, link=link, ours_first=self._number < other)
        self._exchanges[other] = exchange
        return exchange


class Gossip:
    """Every node runs the manifest's scheme, anchored or plain.

    resend_s: how long an unanswered request waits before the same bytes go out again.
    limits: on what every node sends.
    """

    def __init__(self, manifest: Manifest, resend_s: float, limits: Limits) -> None:
        self.nodes: list[SimulatedNode] = []
        self._manifest = manifest
        self._codec = RememberingCodec(manifest.make_codec())
        self._scheme = manifest.make_scheme(self._codec)
        self._resend_s = resend_s
        self._limits = limits

    def start(self, world: World) -> None:
        """Build the nodes and plan their first rounds."""
        self.nodes = [self._make_node(number, world) for number in range(len(world.members))]
        for node in self.nodes:
            node.start()

    def _make_node(self, number: int, world: World) -> SimulatedNode:
        allowance, scheme = Allowance(self._limits), self._scheme
        if self._limits:
            # A scheme of its own, since each node's messages are as long as its own account allows.
            scheme = self._manifest.make_scheme(self._codec, allowance.payload_bytes)
        return SimulatedNode(number, world, scheme, allowance, self._resend_s)

    def replicas(self) -> Sequence[Replica]:
        """One per node."""
        return [node.member.replica for node in self.nodes]
