"""Gossip learning: models walk from node to node, merged by age and trained on arrival.

Hegedűs, Danner and Jelasity, "Decentralized learning works: An empirical comparison of gossip
learning and federated learning" (2021, doi:10.1016/j.jpdc.2020.10.006).  To save bytes a message
holds a part of the model: a random subset, given by a seed, or one of the parts into which the
vector is divided for good, each with an age of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.gossip.replica import Replica
from gossipfl.simulation.baselines.dense import pack, unpack
from gossipfl.simulation.chance import stream
from gossipfl.simulation.envelope import seal
from gossipfl.simulation.world import World
from gossipfl.wire.messages import Request

Indices = NDArray[np.int64]


class Selection(ABC):
    """Which part of a model a message holds.

    parts: how many ages a model has.
    """

    parts = 1

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> int:
        """The name of a part, below 2**32, which is all that the receiver needs to find it."""

    @abstractmethod
    def indices(self, name: int, size: int) -> Indices:
        """The coordinates of that part, of `size` in all."""


class Subsample(Selection):
    """A fresh random subset each time; share: of the coordinates, above 0 and at most 1."""

    def __init__(self, share: float) -> None:
        if not 0 < share <= 1:
            raise ConfigError(f"a subsample is above 0 and at most 1 of a model, not {share}")
        self._share = share

    def draw(self, rng: np.random.Generator) -> int:
        """A seed."""
        return int(rng.integers(2**32))

    def indices(self, name: int, size: int) -> Indices:
        """Drawn without replacement from that seed."""
        count = max(1, round(self._share * size))
        return np.sort(stream(name, "subsample").choice(size, count, replace=False))


class Partitioned(Selection):
    """Coordinates dealt to `parts` parts, as a shuffle that everybody knows says."""

    def __init__(self, parts: int) -> None:
        if parts < 1:
            raise ConfigError(f"a model has at least 1 part, not {parts}")
        self.parts = parts

    def draw(self, rng: np.random.Generator) -> int:
        """The number of a part."""
        return int(rng.integers(self.parts))

    def indices(self, name: int, size: int) -> Indices:
        """Every so many of the shuffled coordinates."""
        return np.sort(stream(0, "parts").permutation(size)[name :: self.parts])


class Hegedus:
    """Sends on a timer, learns on arrival.

    ages: i64[nodes, parts], local rounds that went into a part; merging weighs by them.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    def start(self, world: World) -> None:
        """Attach every node and plan its first message."""
        self.world = world
        self.ages = np.zeros((len(world.members), self._selection.parts), np.int64)
        self._rngs = [stream(world.seed, "walk", node) for node in range(len(world.members))]
        for node in range(len(world.members)):
            world.network.attach(node, partial(self.receive, node))
            self._plan(node)

    def replicas(self) -> Sequence[Replica]:
        """One per node."""
        return [member.replica for member in self.world.members]

    def _plan(self, node: int) -> None:
        delay_s = float(self._rngs[node].exponential(self.world.intervals_s[node]))
        self.world.engine.schedule(delay_s, self._wake, node)

    def _wake(self, node: int) -> None:
        if self.world.presence.is_online(node):
            self.take_turn(node)
        self._plan(node)

    def take_turn(self, node: int) -> None:
        """The node's timer has rung."""
        self.speak(node)

    def speak(self, node: int) -> None:
        """A part of the model to one of those that are there."""
        others = self.world.partners(node)
        if others:
            other = others[int(self._rngs[node].integers(len(others)))]
            self.world.network.send(node, other, self._message(node))

    def draw(self, node: int) -> float:
        """The node's next chance, 0 to below 1."""
        return float(self._rngs[node].random())

    def _message(self, node: int) -> Request:
        name, member = self._selection.draw(self._rngs[node]), self.world.members[node]
        indices = self._selection.indices(name, len(self.world.initial))
        age = int(self.ages[node, name % self._selection.parts])
        payload = name.to_bytes(4, "big") + pack(member.replica.parameters[indices])
        return seal(age + 1, member.learner.samples, payload)

    def receive(self, node: int, sender: int, message: Request) -> None:
        """Merge, then learn."""
        member = self.world.members[node]
        name = int.from_bytes(message.payload[:4], "big")
        self._merge(node, name, message.sequence - 1, message.payload[4:])
        member.train()
        member.end_round()
        self.ages[node] += 1

    def _merge(self, node: int, name: int, age: int, payload: bytes) -> None:
        """Mean by age; two models that nobody has trained count alike."""
        own, part = self.world.members[node].replica.parameters, name % self._selection.parts
        indices = self._selection.indices(name, len(own))
        known = int(self.ages[node, part])
        weight = age / (age + known) if age + known else 0.5
        own[indices] += np.float32(weight) * (unpack(payload) - own[indices])
        self.ages[node, part] = max(known, age)
