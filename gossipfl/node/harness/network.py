"""What lies between the nodes of a swarm."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

from gossipfl.errors import ConfigError
from gossipfl.faults.links import OnLinks
from gossipfl.faults.script import FaultScript

LOOPBACK: Final = "127.0.0.1"


class Network(Protocol):
    """How numbered node processes reach each other."""

    def check(self, script: FaultScript) -> None:
        """Raises ConfigError when something in the script cannot happen here."""

    def options(self, number: int) -> list[str]:
        """Flags of a node that listens anywhere and finds others by mDNS."""

    def addresses(self, count: int) -> Sequence[str]:
        """Where each node is to listen when others must know."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """The network exists in this context."""

    def enter(self, number: int) -> list[str]:
        """What is put in front of a node's command while the network runs."""

    async def apply(self, event: OnLinks) -> None:
        """Change links."""


class Loopback:
    """All nodes on 127.0.0.1, on ports of their own; links are as they are."""

    def check(self, script: FaultScript) -> None:
        for event in script.of_kind(OnLinks):
            raise ConfigError(
                f"{script.source}: '{event}' at {event.at_s:g} s needs links that can be told "
                "apart: add --network namespaces"
            )

    def options(self, number: int) -> list[str]:
        return ["--listen", f"{LOOPBACK}:0", "--interface", LOOPBACK]

    def addresses(self, count: int) -> Sequence[str]:
        return [f"{LOOPBACK}:{port}" for port in _free_ports(count)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        yield

    def enter(self, number: int) -> list[str]:
        return []

    async def apply(self, event: OnLinks) -> None:
        raise AssertionError("check() refuses scripts with such events")


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
