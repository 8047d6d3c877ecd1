"""Devices behind an MQTT broker: one frame a message, in a topic of each device's own.

A device publishes to PREFIX/NAME/up and subscribes to PREFIX/NAME/down.  NAME is whatever the
device chooses, and proves nothing; the broker sees sealed frames only, and none of their keys.
"""

import secrets
from functools import partial
from typing import Final

import trio

from gossipfl.devices.framing import enframe
from gossipfl.devices.mqtt import (
    Connected,
    Published,
    Subscribed,
    connect,
    publish,
    subscribe,
)
from gossipfl.errors import ConfigError, PeerError, RemoteProtocolError, Unreachable
from gossipfl.node.gateway.broker import TOPIC_BYTES_MAX, Broker
from gossipfl.node.gateway.broker_session import KEEP_ALIVE_S, BrokerSession, NotTrusted
from gossipfl.node.gateway.wires import WIRE_BYTES_MAX, Arrival, Take, Wire, frames_in
from gossipfl.transports.address import format_address

OPEN_S: Final = 15
NAME_BYTES_MAX: Final = 64
_PACKET_BYTES_MAX: Final = 2 + TOPIC_BYTES_MAX + NAME_BYTES_MAX + 8 + WIRE_BYTES_MAX


class Mqtt(Wire):
    """The devices of one broker.  What is not sent yet when the broker is lost is lost too."""

    def __init__(self, broker: Broker) -> None:
        """Raises ConfigError for settings that lead to no broker."""
        self._host, self._port = broker.place()
        self._broker, self._tls = broker, broker.tls()
        self._let_in = False
        self.name = f"mqtt {format_address(self._host, self._port)}"

    async def serve(
        self, take: Take, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        try:
            with trio.fail_after(OPEN_S):
                session = await self._open()
        except trio.TooSlowError:
            raise Unreachable(f"{self.name} does not answer") from None
        task_status.started(self.name)
        error = await session.run(partial(self._take, take, session))
        raise Unreachable(f"{self.name}: {error}")

    async def _open(self) -> BrokerSession:
        """A session that has subscribed to what devices send."""
        session = BrokerSession(await self._stream(), _PACKET_BYTES_MAX)
        try:
            await self._enter(session)
        except BaseException:
            await trio.aclose_forcefully(session.stream)
            raise
        self._let_in = True
        return session

    async def _stream(self) -> trio.abc.Stream:
        try:
            stream = await trio.open_tcp_stream(self._host, self._port)
        except OSError:
            raise Unreachable(f"{self.name}: no broker there can be reached") from None
        if self._tls is None:
            return stream
        return trio.SSLStream(stream, self._tls, server_hostname=self._host, https_compatible=True)

    async def _enter(self, session: BrokerSession) -> None:
        try:
            refusal = await self._ask(session)
        except NotTrusted as error:
            refusal = f"{error}; name the authority that vouches for the broker"
        except PeerError as error:
            raise Unreachable(f"{self.name}: {error}") from None
        if refusal is not None:
            # Wrong from the start, or wrong now: then somebody may mend it at the broker.
            kind = Unreachable if self._let_in else ConfigError
            raise kind(f"{self.name}: {refusal}")

    async def _ask(self, session: BrokerSession) -> str | None:
        """To be let in, and for what devices say; returns why not."""
        client, broker = f"gossipfl-{secrets.token_hex(8)}", self._broker
        await session.send(connect(client, KEEP_ALIVE_S, broker.user, broker.password))
        let_in = await session.receive()
        if not isinstance(let_in, Connected):
            raise RemoteProtocolError("spoke before it let us in: this is no MQTT broker")
        if let_in.refusal is not None:
            return f"the broker {let_in.refusal}"
        await session.send(subscribe(f"{broker.topic}/+/up"))
        while not isinstance(answer := await session.receive(), Subscribed):
            pass  # what devices say meanwhile they will say again
        return None if answer.granted else f"nobody may subscribe to {broker.topic}/+/up there"

    def _take(self, take: Take, session: BrokerSession, message: Published) -> None:
        prefix, suffix = f"{self._broker.topic}/", "/up"
        name = message.topic.removeprefix(prefix).removesuffix(suffix)
        # A kept message has been answered, or is too old to be.
        if (
            message.retained
            or message.topic != prefix + name + suffix
            or not 0 < len(name.encode()) <= NAME_BYTES_MAX
            or set(name) & set("+#/")
        ):
            return
        origin = f"mqtt {name}" if name.isprintable() else f"mqtt {name!r}"
        for frame in frames_in(message.payload):
            take(Arrival(frame, origin, partial(_answer, session, f"{prefix}{name}/down")))


async def _answer(session: BrokerSession, topic: str, frame: bytes) -> None:
    await session.post(publish(topic, enframe(frame)))
