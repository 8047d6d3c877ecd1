"""A connection to an MQTT broker: packets in, and bytes out in the order that they were given."""

import ssl
from collections import deque
from collections.abc import Callable
from typing import Final

import trio

from gossipfl.devices.mqtt import PING, Packet, PacketReader, Published
from gossipfl.errors import PeerError, Unreachable

KEEP_ALIVE_S: Final = 60
WAITING_MAX: Final = 64
READ_BYTES: Final = 16_384


class NotTrusted(PeerError):
    """Whoever answers there is not the broker."""


class BrokerSession:
    """stream: to the broker, closed when `run` ends.  packet_bytes_max: longer packets are lost."""

    def __init__(self, stream: trio.abc.Stream, packet_bytes_max: int) -> None:
        self.stream = stream
        self._reader = PacketReader(packet_bytes_max)
        self._come = deque[Packet]()
        self._heard = False
        # Who answers may be cancelled: in the midst of a packet, that would spoil all behind it.
        self._outgoing, self._queue = trio.open_memory_channel[bytes](WAITING_MAX)

    async def send(self, content: bytes) -> None:
        """Before `run` only.  Raises Unreachable and NotTrusted, as `receive` does."""
        try:
            await self.stream.send_all(content)
        except trio.BrokenResourceError as error:
            raise _reason(error) from None

    async def receive(self) -> Packet:
        """The next packet.  Raises RemoteProtocolError for bytes that are none, too."""
        while not self._come:
            try:
                content = await self.stream.receive_some(READ_BYTES)
            except trio.BrokenResourceError as error:
                raise _reason(error) from None
            if not content:
                raise Unreachable("the broker hung up")
            self._heard = True
            self._come.extend(self._reader.feed(bytes(content)))
        return self._come.popleft()

    async def post(self, content: bytes) -> None:
        """While `run` does: send behind all that waits.  Raises Unreachable when that has ended."""
        try:
            await self._outgoing.send(content)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Unreachable("the MQTT broker was lost") from None

    async def run(self, take: Callable[[Published], None]) -> PeerError:
        """Hand messages to `take`, and send, until the connection ends; returns why."""
        lost = list[PeerError]()
        try:
            async with self._outgoing, self._queue, trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                nursery.start_soon(self._watch)
                while True:
                    packet = await self.receive()
                    if isinstance(packet, Published):
                        take(packet)
        except* PeerError as group:
            lost += [error for error in group.exceptions if isinstance(error, PeerError)]
        finally:
            await trio.aclose_forcefully(self.stream)
        return lost[0]

    async def _write(self) -> None:
        async for content in self._queue:
            await self.send(content)

    async def _watch(self) -> None:
        """A broker that answers no ping is gone, whatever TCP believes."""
        while True:
            self._heard = False
            await self.post(PING)
            await trio.sleep(KEEP_ALIVE_S / 2)
            if not self._heard:
                raise Unreachable(f"the broker was silent for {KEEP_ALIVE_S // 2} s")


def _reason(error: trio.BrokenResourceError) -> PeerError:
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return NotTrusted(f"its certificate does not hold: {cause.verify_message}")
    if isinstance(cause, ssl.SSLError):
        return Unreachable(f"no TLS with the broker: {cause.reason}")
    return Unreachable("the connection to the broker broke")
