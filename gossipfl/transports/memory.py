"""A network in memory, on trio's clock: delays, loss, reordering, copies, partitions from one seed.

The injected twin of the real transports.  Under MockClock a run takes no time, and the same seed
gives the same run to the frame: nothing here iterates over a set or starts a hidden task.
"""

import numpy as np
import trio

from gossipfl.errors import ConfigError, Unreachable
from gossipfl.transports.base import (
    LINKS_MAX,
    Handler,
    Link,
    Reception,
    ReceptionStatistics,
    Transport,
)
from gossipfl.transports.faults import Conditions, Faults
from gossipfl.transports.memory_link import MemoryLink, memory_link_pair

_BACKLOG = 64


class MemoryNetwork(Conditions):
    """Names, who serves them, and what the paths between them do to frames."""

    def __init__(self, rng: np.random.Generator, faults: Faults | None = None) -> None:
        super().__init__(rng, faults)
        self._served: dict[str, trio.MemorySendChannel[MemoryLink]] = {}

    def transport(self, name: str, *, links_max: int = LINKS_MAX) -> "MemoryTransport":
        """The transport of the participant `name`, which is also its address."""
        return MemoryTransport(self, name, links_max)

    def open_name(self, name: str) -> "trio.MemoryReceiveChannel[MemoryLink]":
        """Start to serve a name.  Raises ConfigError when it is served already."""
        if name in self._served:
            raise ConfigError(f"{name} is served already: give every node its own name")
        self._served[name], incoming = trio.open_memory_channel[MemoryLink](_BACKLOG)
        return incoming

    def close_name(self, name: str) -> None:
        self._served.pop(name).close()

    async def connect(self, dialler: str, address: str) -> "MemoryLink":
        """Takes one round trip, as TCP does.  Raises Unreachable."""
        faults = self.faults_of(dialler, address), self.faults_of(address, dialler)
        await trio.sleep(sum(each.delay_s for each in faults))
        if self.is_cut(dialler, address) or address not in self._served:
            raise Unreachable(f"{address} does not answer: not served, or behind a partition")
        ours, theirs = memory_link_pair(self, dialler, address)
        try:
            self._served[address].send_nowait(theirs)
        except trio.WouldBlock:
            raise Unreachable(f"{address} does not answer: too many dial it at once") from None
        return ours


class MemoryTransport(Transport):
    """One participant's access to the network; made by MemoryNetwork.transport."""

    def __init__(self, network: MemoryNetwork, name: str, links_max: int) -> None:
        self._network = network
        self._name = name
        self._reception = Reception(links_max)

    def statistics(self) -> ReceptionStatistics:
        return self._reception.statistics()

    async def dial(self, address: str) -> Link:
        return await self._network.connect(self._name, address)

    async def serve(
        self, on_link: Handler, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        incoming = self._network.open_name(self._name)
        try:
            async with trio.open_nursery() as nursery:
                task_status.started(self._name)
                async for link in incoming:
                    nursery.start_soon(self._reception.host, link, on_link)
        finally:
            self._network.close_name(self._name)
            for link in _drain(incoming):
                link.close()
            incoming.close()


def _drain(incoming: "trio.MemoryReceiveChannel[MemoryLink]") -> list[MemoryLink]:
    """Dialled, but not yet looked at."""
    links = []
    while True:
        try:
            links.append(incoming.receive_nowait())
        except (trio.WouldBlock, trio.EndOfChannel):
            return links
