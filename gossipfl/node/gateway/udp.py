"""Devices on an IP network: one frame a datagram."""

from functools import partial
from typing import Any

import trio

from gossipfl.devices.framing import enframe
from gossipfl.errors import ConfigError, Unreachable
from gossipfl.node.gateway.wires import WIRE_BYTES_MAX, Arrival, Take, Wire, frames_in
from gossipfl.transports.address import format_address, parse_address


class Udp(Wire):
    """listen: `host:port`; an empty host means all of IPv4, port 0 any free port."""

    def __init__(self, listen: str) -> None:
        """Raises ConfigError when that is no address."""
        self._host, self._port = parse_address(listen)
        self.name = f"udp {listen}"

    async def serve(
        self, take: Take, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with await self._bound() as socket:
            self.name = f"udp {format_address(*socket.getsockname()[:2])}"
            task_status.started(self.name)
            while True:
                try:
                    datagram, address = await socket.recvfrom(WIRE_BYTES_MAX + 1)
                except OSError as error:
                    raise Unreachable(f"{self.name}: {error.strerror}") from None
                origin = f"udp {format_address(*address[:2])}"
                for frame in frames_in(datagram):
                    take(Arrival(frame, origin, partial(_send, socket, address)))

    async def _bound(self) -> trio.socket.SocketType:
        host, socket = self._host or "0.0.0.0", None
        try:
            found = await trio.socket.getaddrinfo(host, self._port, type=trio.socket.SOCK_DGRAM)
            family, kind, protocol, _, address = found[0]
            socket = trio.socket.socket(family, kind, protocol)
            await socket.bind(address)
        except (OSError, UnicodeError) as error:
            if socket is not None:
                socket.close()
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                f"cannot listen on {self.name}: {reason}; choose another address, or port 0"
            ) from None
        return socket


async def _send(socket: trio.socket.SocketType, address: Any, frame: bytes) -> None:
    try:
        await socket.sendto(enframe(frame), address)
    except OSError as error:
        raise Unreachable(f"{address[0]}: {error.strerror}") from None
