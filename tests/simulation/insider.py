"""A member that keeps to no rule: admitted, so it gets past the handshake, and run by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import trio

from gossipfl.errors import Unreachable
from gossipfl.transports.base import Link
from gossipfl.transports.secure import SecureLink, secure_accept, secure_dial
from gossipfl.wire.messages import Hello, Message, Wish, decode, encode
from tests.simulation.cluster import Cluster
from tests.simulation.device import Device
from tests.simulation.readings import clouds

Secure = SecureLink[Any]


class Insider:
    """Holds a certificate and the cluster key, and no agent."""

    def __init__(self, cluster: Cluster, name: str = "insider") -> None:
        self.device: Device = cluster.admit(name, clouds(cluster.rng, 4))
        self.served = 0
        self._transport = cluster.network.transport(self.device.address)
        self._hello = Hello(cluster.manifest.id, "0123456789abcdef", 0, 2**32 - 1, Wish.LINK.value)

    @asynccontextmanager
    async def dial(self, target: Device) -> AsyncIterator[Secure]:
        """A link just before the hello."""
        async with await self._transport.dial(target.address) as link:
            yield await secure_dial(link, self.device.membership().credentials())

    @asynccontextmanager
    async def befriend(self, target: Device) -> AsyncIterator[Secure]:
        """A link that both ends have taken into use."""
        async with self.dial(target) as link:
            await self.greet(link)
            yield link

    async def greet(self, link: Secure) -> None:
        await link.send(encode(self._hello))
        assert isinstance(decode(await link.receive()), Hello)

    async def serve(
        self, frame: bytes, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Greet whoever dials, send this frame, and wait for the link to end."""

        async def on_link(link: Link) -> None:
            self.served += 1
            secure = await secure_accept(link, self.device.membership().credentials())
            await self.greet(secure)
            await secure.send(frame)
            await read_to_end(secure)

        await self._transport.serve(on_link, task_status=task_status)


async def shout(link: Link, frames: list[bytes]) -> None:
    """Send them all, or as many as the node takes."""
    with suppress(Unreachable):
        for frame in frames:
            await link.send(frame)


async def read_to_end(link: Secure) -> list[Message]:
    """Everything that still comes until the node hangs up."""
    messages: list[Message] = []
    while True:
        try:
            messages.append(decode(await link.receive()))
        except Unreachable:
            return messages
