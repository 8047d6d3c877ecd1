"""Two islands of whole agents under virtual time, as the tests run them, and what they hold."""

import sys

import numpy as np
from attrs import evolve
from places import ROOT

from gossipfl.central.links import link_to

sys.path.append(str(ROOT))

from tests.simulation.cluster import Cluster, settle
from tests.simulation.device import Device


class Islands:
    """The first half of the nodes, and the second one with its seed, if there is one.

    The bridge is the first node; where the other island has a seed, that is whom it reaches.
    returns: the bridge is the second island's first node instead, which is led until it reaches the
        first island, and gossips then.
    """

    def __init__(
        self, cluster: Cluster, nodes: list[Device], seeds: list[Device], *, returns: bool
    ) -> None:
        self.nodes = nodes
        self._returns = returns
        self.cluster = cluster
        self._seeds = seeds
        self._first, self._second = nodes[: len(nodes) // 2], nodes[len(nodes) // 2 :]
        for device in [nodes[0], *self._second] if seeds else ():
            device.config = evolve(device.config, peer=(seeds[0].address,))

    def part(self) -> None:
        """Nothing passes between the islands, nor between nodes that are to be led."""
        self._cut(self._first, self._second + self._seeds)
        self._keep_led()

    def join(self) -> None:
        """By the bridge."""
        self.cluster.network.heal()
        if self._returns:
            self._cut(self._first, self._second[1:] + self._seeds)
        else:
            self._cut(self._first[1:], self._second + self._seeds)
        if self._seeds and not self._returns:
            self._cut(self._first[:1], self._second)
        self._keep_led()

    def _keep_led(self) -> None:
        for number, device in enumerate(self._second if self._seeds else ()):
            self._cut([device], self._second[:number])

    def _cut(self, some: list[Device], others: list[Device]) -> None:
        self.cluster.network.partition(*([d.address for d in side] for side in (some, others)))

    @property
    def bridged(self) -> int:
        """Exchanges over the links that cross."""
        sides = self._first, self._second + self._seeds
        near, far = sides[::-1] if self._returns else sides
        across = {device.name for device in far}
        neighbours = near[0].status()["neighbours"]
        return sum(each["exchanges"] for each in neighbours if each["name"] in across)

    async def mean(self) -> np.ndarray:
        """The weighted mean of all models, float64[d], at a moment when no message is under way.

        A node that is led holds its seed's model, and what it has not told the seed.
        """
        return await self._mean(lambda device: device.parameters().astype(np.float64))

    async def mixed(self) -> np.ndarray:
        """The same, less all that local steps have added; only mixing could change that."""
        return await self._mean(lambda device: device.parameters() - device.readings.learnt)

    async def _mean(self, of) -> np.ndarray:
        await settle()
        held = [device.readings.samples * self._given(device, of(device)) for device in self.nodes]
        return sum(held) / sum(device.readings.samples for device in self.nodes)

    def _given(self, device: Device, model: np.ndarray) -> np.ndarray:
        if device.status()["mode"] != "central":
            return model
        (seed,) = self._seeds
        anchor = device.running.mixer.state_beyond(link_to(seed.key.public)).anchor
        return model - anchor + seed.parameters()
