"""FedAvg: a coordinator sends its model out and averages what comes back, weighted by samples.

McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data" (2017,
arXiv:1602.05629), with every node in every round.  Both directions are counted; the coordinator's
bytes are shared out to the nodes.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from gossipfl.gossip.replica import Replica
from gossipfl.simulation.baselines.dense import pack, unpack
from gossipfl.simulation.envelope import seal
from gossipfl.simulation.world import World
from gossipfl.wire.messages import Request


class FedAvg:
    """The coordinator is the network's last end, always online, as fast as the slowest node."""

    def start(self, world: World) -> None:
        """Attach all and begin the first round."""
        self.world = world
        self.central = Replica(world.initial, samples=1, step_size=0, activity=0)
        self._heard: dict[int, Request] = {}
        for node in range(len(world.members)):
            world.network.attach(node, partial(self._train, node))
        world.network.attach(self._coordinator, self._collect)
        world.engine.schedule(0, self._begin)

    def replicas(self) -> Sequence[Replica]:
        """The one model."""
        return [self.central]

    @property
    def _coordinator(self) -> int:
        return len(self.world.members)

    def _begin(self) -> None:
        message = seal(self.central.rounds + 1, 1, pack(self.central.parameters))
        for node in filter(self.world.presence.is_online, range(self._coordinator)):
            self.world.network.send(self._coordinator, node, message)
        self.world.engine.schedule(max(self.world.intervals_s), self._finish)

    def _train(self, node: int, sender: int, message: Request) -> None:
        """A node has the model: train it and send it back."""
        member = self.world.members[node]
        member.replica.parameters[:] = unpack(message.payload)
        member.train()
        member.end_round()
        payload = pack(member.replica.parameters)
        answer = seal(message.sequence, member.learner.samples, payload)
        self.world.network.send(node, sender, answer)

    def _collect(self, sender: int, message: Request) -> None:
        if message.sequence == self.central.rounds + 1:
            self._heard[sender] = message

    def _finish(self) -> None:
        total = sum(message.samples or 0 for message in self._heard.values())
        mean = np.zeros(len(self.central.parameters))
        for message in self._heard.values():
            mean += unpack(message.payload) * np.float64((message.samples or 0) / total)
        if self._heard:
            self.central.parameters[:] = mean
        self.central.end_round()
        self._heard.clear()
        self._begin()
