"""Gossip learning of linear models: merged with the last that came, one Pegasos step on arrival.

Ormándi, Hegedűs and Jelasity, "Gossip learning with linear models on fully distributed data" (2013,
doi:10.1002/cpe.2858), algorithm MU: a node makes update(merge(received, the one received before)).
The update is Pegasos' (Shalev-Shwartz, Singer and Srebro 2007): hinge loss, rate 1 / (lambda age).
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.gossip.replica import Replica
from gossipfl.simulation.baselines.dense import pack, unpack
from gossipfl.simulation.chance import stream
from gossipfl.simulation.envelope import seal
from gossipfl.simulation.world import World
from gossipfl.wire.messages import Request

Vector = NDArray[np.float32]
UNEVEN: Final = 0.1  # share by which a node's turns come early or late


class Ormandi:
    """Sends on a timer, learns on arrival; a model of nothing but one unit, its bias behind it.

    regularisation: Pegasos' lambda, above 0.
    ages: updates that went into every node's model.
    """

    def __init__(self, regularisation: float) -> None:
        if regularisation <= 0:
            raise ConfigError(f"Pegasos' lambda is above 0, not {regularisation}")
        self._regularisation = regularisation

    def start(self, world: World) -> None:
        """All models are zero; attach every node and plan its first message."""
        if len(world.spec.layers) != 1 or world.spec.loss != "binary":
            raise ConfigError("ormandi learns linear models of two classes: --linear --loss binary")
        self.world, nodes = world, len(world.members)
        self.ages = [0] * nodes
        self._before = [(0, np.zeros_like(world.initial)) for _ in range(nodes)]
        self._rngs = [stream(world.seed, "walk", node) for node in range(nodes)]
        for node, member in enumerate(world.members):
            member.replica.parameters[:] = 0
            world.network.attach(node, partial(self._receive, node))
            self._plan(node, float(self._rngs[node].random()))

    def replicas(self) -> Sequence[Replica]:
        """One per node."""
        return [member.replica for member in self.world.members]

    def _plan(self, node: int, intervals: float) -> None:
        delay_s = intervals * self.world.intervals_s[node]
        self.world.engine.schedule(delay_s, self._wake, node)

    def _wake(self, node: int) -> None:
        rng, presence = self._rngs[node], self.world.presence
        others = self.world.views.neighbours(node)
        if presence.is_online(node) and others:
            # Views are not cleaned, so that a message may go to somebody who is away.
            other = others[int(rng.random() * len(others))]
            self.world.network.send(node, other, self._message(node))
        self._plan(node, 1 - UNEVEN + 2 * UNEVEN * float(rng.random()))

    def _message(self, node: int) -> Request:
        member = self.world.members[node]
        payload = pack(member.replica.parameters)
        return seal(self.ages[node] + 1, member.learner.samples, payload)

    def _receive(self, node: int, sender: int, message: Request) -> None:
        member = self.world.members[node]
        received, age = unpack(message.payload), message.sequence - 1
        before_age, before = self._before[node]
        self._before[node] = age, received
        self.ages[node] = max(age, before_age) + 1
        model = (received + before) / np.float32(2)
        rows = member.rows
        row = int(self._rngs[node].random() * len(rows))
        sign = 1 if rows.targets[row] > 0 else -1
        self._update(model, self.ages[node], rows.features[row], sign)
        member.replica.parameters[:] = model
        member.end_round()

    def _update(self, model: Vector, age: int, features: Vector, sign: int) -> None:
        """One Pegasos step, in place."""
        margin = sign * (float(model[:-1] @ features) + float(model[-1]))
        model *= np.float32(1 - 1 / age)
        if margin < 1:
            rate = np.float32(sign / (self._regularisation * age))
            model[:-1] += rate * features
            model[-1] += rate
