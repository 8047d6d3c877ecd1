"""Frames in and answers out through a real Mosquitto, and through brokers that misbehave."""

import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from gossipfl.devices.framing import enframe
from gossipfl.devices.mqtt import publish
from gossipfl.errors import ConfigError, Unreachable
from gossipfl.node.gateway.broker import Broker
from gossipfl.node.gateway.broker_session import WAITING_MAX
from gossipfl.node.gateway.mqtt import Mqtt
from gossipfl.node.gateway.wires import Arrival
from gossipfl.node.harness.mosquitto import (
    NO_BROKER,
    TOOLS,
    Certificates,
    free_port,
    make_certificates,
    mosquitto,
    tls,
)
from tests.node.gateway.test_wires import FRAME, OTHER, served

WITH_BROKER = pytest.mark.skipif(None in TOOLS, reason=NO_BROKER)
CONNACK, SUBACK = b"\x20\2\0\0", b"\x90\3\0\1\0"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


async def say(port: int, made: Certificates, topic: str, content: bytes, *more: str) -> None:
    """As a device does, with Mosquitto's own client."""
    to = ["-h", "localhost", "-p", str(port), "--cafile", str(made.authority), "-t", topic]
    await trio.run_process(["mosquitto_pub", *to, "-s", *more], stdin=content)


@WITH_BROKER
async def test_frames_and_answers_over_tls(tmp_path: Path, certificates: Certificates) -> None:
    port = free_port()
    broker = Broker(address=f"localhost:{port}", authority=certificates.authority, topic="a/b")
    with mosquitto(tmp_path, port, *tls(certificates), "allow_anonymous true"):
        async with served(Mqtt(broker)) as arrivals, trio.open_nursery() as nursery:
            passed_over = [
                ("a/b/other/up", enframe(FRAME), "-r"),  # kept: taken once, as it is not old yet
                ("a/b/noise/up", b"no frame at all\0"),
                ("a/b/long/up", bytes(5000)),
                ("a/b/" + "n" * 65 + "/up", enframe(FRAME)),
                ("a/b/down", enframe(FRAME)),
            ]
            for topic, content, *more in passed_over:
                await say(port, certificates, topic, content, *more)
            assert (await arrivals.receive()).origin == "mqtt other"
            to = ["-h", "localhost", "-p", str(port), "--cafile", str(certificates.authority)]
            heard = await nursery.start(
                partial(
                    trio.run_process,
                    ["mosquitto_sub", *to, "-t", "a/b/pi/down", "-C", "1", "-N"],
                    stdout=subprocess.PIPE,
                )
            )
            await say(port, certificates, "a/b/pi/up", enframe(FRAME))
            arrival = await arrivals.receive()
            assert (arrival.frame, arrival.origin) == (FRAME, "mqtt pi")
            answered = b""
            while not answered:  # until mosquitto_sub has subscribed
                await arrival.answer(OTHER)
                with trio.move_on_after(0.1):
                    answered = await heard.stdout.receive_some()
            assert answered == enframe(OTHER)


@WITH_BROKER
async def test_a_broker_that_restarts(tmp_path: Path, certificates: Certificates) -> None:
    """The wire ends, its answers fail, and it may be served anew."""
    port = free_port()
    wire = Mqtt(Broker(address=f"localhost:{port}", authority=certificates.authority))
    settings = *tls(certificates), "allow_anonymous true"
    found = list[Arrival]()
    with pytest.raises(Unreachable, match="reached"):
        await wire.serve(found.append)
    with pytest.RaisesGroup(Unreachable):
        async with trio.open_nursery() as nursery:
            with mosquitto(tmp_path, port, *settings):
                await nursery.start(wire.serve, found.append)
                while not found:
                    await say(port, certificates, "gossipfl/pi/up", enframe(FRAME))
                    await trio.sleep(0.05)
            await trio.sleep_forever()
    with pytest.raises(Unreachable, match="was lost"):
        await found[0].answer(OTHER)
    with mosquitto(tmp_path, port, *settings):
        async with served(wire) as arrivals:
            await say(port, certificates, "gossipfl/pi/up", enframe(OTHER))
            assert (await arrivals.receive()).frame == OTHER


@WITH_BROKER
async def test_a_broker_that_nobody_vouches_for(tmp_path: Path, certificates: Certificates) -> None:
    port = free_port()
    with mosquitto(tmp_path, port, *tls(certificates), "allow_anonymous true"):
        with pytest.raises(ConfigError, match=r"certificate .* name the authority"):
            await Mqtt(Broker(address=f"localhost:{port}")).serve(print)
        other = Broker(address=f"127.0.0.1:{port}", authority=certificates.authority)
        with pytest.raises(ConfigError, match="certificate"):
            await Mqtt(other).serve(print)
        with pytest.raises(Unreachable):
            await Mqtt(Broker(address=f"localhost:{port}", plain=True)).serve(print)


@WITH_BROKER
async def test_users_passwords_and_rights(tmp_path: Path) -> None:
    port, passwords = free_port(), tmp_path / "passwords"
    passwords.touch(mode=0o600)
    await trio.run_process(["mosquitto_passwd", "-b", passwords, "gate", "secret"])
    (tmp_path / "rights").write_text("user gate\ntopic read home/+/up\n")
    files = f"password_file {passwords}", f"acl_file {tmp_path / 'rights'}"

    def broker(**given: str) -> Mqtt:
        return Mqtt(Broker(address=f"localhost:{port}", plain=True, **given))

    with mosquitto(tmp_path, port, *files):
        with pytest.raises(ConfigError, match="let this client in"):
            await broker().serve(print)
        with pytest.raises(ConfigError, match="let this client in"):
            await broker(user="gate", password="wrong").serve(print)
        async with served(broker(user="gate", password="secret", topic="home")):
            pass


Script = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Broker]:
    """A broker without TLS that lets in whoever comes, and then does as the script says."""

    async def meet(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        await stream.send_all(CONNACK)
        await stream.receive_some(4096)
        await stream.send_all(SUBACK)
        await script(stream)

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        # So that little is on its way when nobody reads.
        listeners[0].socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)
        nursery.start_soon(trio.serve_listeners, meet, listeners)
        port = listeners[0].socket.getsockname()[1]
        yield Broker(address=f"127.0.0.1:{port}", plain=True)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("said", "reason"),
    [(b"", "hung up"), (b"\x62\0\0\0", "unasked"), (b"\x30\xff\xff\xff\xff", "without a length")],
)
async def test_a_broker_that_speaks_nonsense(said: bytes, reason: str) -> None:
    async def script(stream: trio.SocketStream) -> None:
        await stream.send_all(said)

    async with scripted(script) as broker:
        with pytest.raises(Unreachable, match=reason):
            await Mqtt(broker).serve(print)


async def test_what_is_no_broker() -> None:
    async def greet(stream: trio.SocketStream) -> None:
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n" + bytes(90))
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, greet, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        with pytest.raises(Unreachable, match="unasked"):
            await Mqtt(Broker(address=f"127.0.0.1:{port}", plain=True)).serve(print)
        nursery.cancel_scope.cancel()


async def test_a_broker_that_falls_silent(autojump_clock: MockClock) -> None:
    async def script(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    autojump_clock.autojump_threshold = 0.1  # what loopback takes
    async with scripted(script) as broker:
        start = trio.current_time()
        with pytest.raises(Unreachable, match="silent"):
            await Mqtt(broker).serve(print)
        assert trio.current_time() - start <= 60


async def test_answers_that_a_broker_does_not_take_wait_and_are_bounded() -> None:
    """A gateway's memory does not grow with a broker that reads nothing."""

    async def script(stream: trio.SocketStream) -> None:
        await stream.send_all(publish("gossipfl/pi/up", enframe(FRAME)))
        await trio.sleep_forever()

    async with scripted(script) as broker, served(Mqtt(broker)) as arrivals:
        arrival, sent, blocked = await arrivals.receive(), 0, False
        while not blocked:
            with trio.move_on_after(0.5) as waiting:
                await arrival.answer(bytes(2000))
            sent, blocked = sent + 1, waiting.cancelled_caught
        assert WAITING_MAX < sent < 10 * WAITING_MAX


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"address": ":1883"}, "HOST"),
        ({"address": "a b"}, "no host name"),
        ({"address": "b:70000"}, "65535"),
        ({"address": "b", "topic": "a/+"}, "no \\+"),
        ({"address": "b", "topic": ""}, "1 to 200"),
        ({"address": "b", "authority": Path("/nowhere")}, "PEM"),
        ({"address": "b", "certificate": Path("/nowhere")}, "PEM"),
    ],
)
def test_settings_that_lead_to_no_broker(given: dict[str, object], advice: str) -> None:
    with pytest.raises(ConfigError, match=advice):
        Mqtt(Broker(**given))  # type: ignore[arg-type]


def test_the_usual_ports() -> None:
    assert Broker(address="broker").place() == ("broker", 8883)
    assert Broker(address="[fd00::1]", plain=True).place() == ("fd00::1", 1883)
