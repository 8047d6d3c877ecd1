"""What the round-based algorithms share: everybody trains and speaks, then everybody mixes."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gossipfl.gossip.replica import Replica
from gossipfl.simulation.envelope import seal
from gossipfl.simulation.world import Member, World
from gossipfl.wire.messages import Request

Vector = NDArray[np.float32]


class Synchronous(ABC):
    """Rounds in step: the slowest node sets the pace.

    A round has two halves.  At its start those online train and send; in its middle they mix what
    has arrived.  What arrives later belongs to no round and is dropped.
    """

    def __init__(self) -> None:
        self.round = 0
        self._inboxes: list[dict[int, bytes]] = []

    def start(self, world: World) -> None:
        """Attach every node and begin the first round."""
        self.world = world
        self._inboxes = [{} for _ in world.members]
        for node in range(len(world.members)):
            world.network.attach(node, partial(self._receive, node))
        self.prepare()
        world.engine.schedule(0, self._begin)

    def replicas(self) -> Sequence[Replica]:
        """One per node."""
        return [member.replica for member in self.members]

    @property
    def members(self) -> Sequence[Member]:
        """All nodes, by number."""
        return self.world.members

    @abstractmethod
    def prepare(self) -> None:
        """Make what the algorithm remembers between rounds."""

    @abstractmethod
    def speak(self, node: int) -> None:
        """The node has trained: send what others need."""

    @abstractmethod
    def mix(self, node: int, heard: dict[int, bytes]) -> None:
        """Merge the payloads that arrived in time, by sender, into the node's model."""

    def send(self, node: int, others: Iterable[int], payload: bytes) -> None:
        """One message to each of the others."""
        message = seal(self.round + 1, self.members[node].learner.samples, payload)
        for other in others:
            self.world.network.send(node, other, message)

    def parameters(self, node: int) -> Vector:
        """The node's own, float32[d]; change them in place."""
        return self.members[node].replica.parameters

    def _receive(self, node: int, sender: int, message: Request) -> None:
        if message.sequence == self.round + 1:
            self._inboxes[node][sender] = message.payload

    def _begin(self) -> None:
        online = self._online()
        for node in online:
            self.members[node].train()
        for node in online:
            self.speak(node)
        self.world.engine.schedule(self._half_s(), self._finish)

    def _finish(self) -> None:
        for node in self._online():
            self.mix(node, self._inboxes[node])
            self.members[node].end_round()
        for inbox in self._inboxes:
            inbox.clear()
        self.round += 1
        self.world.engine.schedule(self._half_s(), self._begin)

    def _online(self) -> list[int]:
        return [n for n in range(len(self.members)) if self.world.presence.is_online(n)]

    def _half_s(self) -> float:
        return max(self.world.intervals_s) / 2
