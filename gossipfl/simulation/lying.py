"""Nodes that lie: all that a node does, but with claims in its messages instead of the truth."""

from typing import Final

import attrs
import numpy as np

from gossipfl.compression.delta import Delta
from gossipfl.gossip.link import Applied, Side
from gossipfl.gossip.mix import Mix
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import Scheme, Vector
from gossipfl.simulation.attacks.base import Insight, Lie
from gossipfl.simulation.chance import stream
from gossipfl.simulation.world import World

WATCHED_MAX: Final = 64


class LyingScheme(Scheme):
    """One attacker's end of one link: speaks the honest scheme, through it.

    Its own model is kept as an honest node's would be, so that its lies start from the truth.
    """

    def __init__(self, inner: Scheme, lie: Lie, world: World, liar: int, victim: int) -> None:
        self._inner = inner
        self._lie = lie
        self._world = world
        self._victim = world.members[victim].replica
        self._rng = stream(world.seed, "lies", liar, victim)
        self._anchor = inner.new_anchor()

    def new_anchor(self) -> Vector:
        """This link's, which lies are told about."""
        return self._anchor

    def offer(self, replica: Replica, anchor: Vector) -> Side:
        """What the honest scheme would say of the claimed model, with our own samples and gain."""
        claimed = Replica(
            self._claim(replica),
            samples=replica.samples,
            step_size=replica.step_size,
            activity=replica.activity.phi,
            caution=replica.caution,
        )
        claimed.guard.gain = replica.guard.gain
        return self._inner.offer(claimed, anchor)

    def read(self, payload: bytes) -> Delta:
        """As the honest scheme."""
        return self._inner.read(payload)

    def mix(self, record: Applied, theirs: Delta, ours_first: bool) -> Mix:
        """As the honest scheme."""
        return self._inner.mix(record, theirs, ours_first)

    def judge(self, replica: Replica, link: bytes, anchor: Vector, mix: Mix) -> None:
        """As the honest scheme."""
        self._inner.judge(replica, link, anchor, mix)

    def mix_replica(self, replica: Replica, link: bytes, mix: Mix) -> None:
        """Merge as if we had told the truth."""
        ours = self._inner.read(self._inner.offer(replica, self._anchor).payload)
        self._inner.mix_replica(replica, link, attrs.evolve(mix, ours=ours))

    def mix_anchor(self, anchor: Vector, mix: Mix) -> None:
        """As the honest scheme: the link stays in step, so that lies go on being heard."""
        self._inner.mix_anchor(anchor, mix)

    def meet(self, replica: Replica, anchor: Vector) -> None:
        """As the honest scheme."""
        self._inner.meet(replica, anchor)

    def seed(self, replica: Replica) -> bytes:
        """As the honest scheme."""
        return self._inner.seed(replica)

    def plant(self, anchor: Vector, payload: bytes) -> None:
        """As the honest scheme."""
        self._inner.plant(anchor, payload)

    def _claim(self, replica: Replica) -> Vector:
        honest = [self._world.members[node].replica for node in self._world.honest[:WATCHED_MAX]]
        insight = Insight(
            own=replica.parameters,
            anchor=self._anchor,
            victim=self._victim.parameters,
            honest=np.stack([each.parameters for each in honest]),
            rng=self._rng,
        )
        return self._lie.claim(insight)
