"""Handshakes and sealed frames, over memory, TCP and a bad network."""

import numpy as np
import pytest
import trio
import trio.testing

from gossipfl.errors import (
    LocalProtocolError,
    PeerError,
    RemoteProtocolError,
    Unreachable,
    Untrusted,
)
from gossipfl.security.noise import LINK_PROTOCOL, Handshake
from gossipfl.transports.base import Link
from gossipfl.transports.memory import Faults, MemoryNetwork
from gossipfl.transports.secure import Credentials, SecureLink, secure_accept, secure_dial
from gossipfl.transports.tcp import TcpTransport

CLUSTER_KEY = bytes(range(32))


def credentials(name: str, *, key: bytes = CLUSTER_KEY, trusted: str = "", prologue: bytes = b"v1"):
    """Certificates here are just names; `trusted` is the one that verify accepts, or any."""

    def verify(certificate: bytes, remote_static: bytes) -> str:
        assert len(remote_static) == 32
        if trusted and certificate != trusted.encode():
            raise Untrusted(f"{certificate!r} is revoked")
        return certificate.decode()

    return Credentials(
        static=name.encode().ljust(32, b"."),
        certificate=name.encode(),
        cluster_key=key,
        prologue=prologue,
        verify=verify,
    )


class Accepting:
    """A server that keeps what came of each handshake."""

    def __init__(self, own: Credentials[str]) -> None:
        self.own = own
        self.links: list[SecureLink[str]] = []
        self.errors: list[Exception] = []

    async def __call__(self, link: Link) -> None:
        try:
            with trio.fail_after(5):
                self.links.append(secure := await secure_accept(link, self.own))
            while True:
                await secure.send(await secure.receive())
        except (PeerError, trio.TooSlowError) as error:
            self.errors.append(error)
            raise


async def receive_all(link: Link) -> None:
    while True:
        await link.receive()


@pytest.fixture
def network(rng: np.random.Generator) -> MemoryNetwork:
    return MemoryNetwork(rng)


async def test_both_ends_know_each_other(network, nursery, autojump_clock) -> None:
    server = Accepting(credentials("bob"))
    await nursery.start(network.transport("b").serve, server)
    link = await network.transport("a").dial("b")
    secure = await secure_dial(link, credentials("alice"))
    await secure.send(b"hello")
    assert await secure.receive() == b"hello"
    (theirs,) = server.links
    assert (secure.identity, theirs.identity) == ("bob", "alice")
    assert (secure.peer, theirs.peer) == ("b", "a")
    assert secure.handshake_hash == theirs.handshake_hash
    assert secure.remote_static != theirs.remote_static
    assert secure.protocol == LINK_PROTOCOL
    assert secure.traffic is link.traffic
    assert "CLUSTER" not in repr(credentials("alice"))
    assert repr(CLUSTER_KEY) not in repr(credentials("alice"))


@pytest.mark.parametrize("stranger", [{"key": bytes(32)}, {"prologue": b"v2"}])
async def test_a_stranger_gets_not_one_byte(network, nursery, autojump_clock, stranger) -> None:
    server = Accepting(credentials("bob"))
    await nursery.start(network.transport("b").serve, server)
    link = await network.transport("a").dial("b")
    with pytest.raises(Unreachable, match="cluster key"):
        await secure_dial(link, credentials("eve", **stranger))
    assert link.traffic.received_bytes == 0
    await trio.testing.wait_all_tasks_blocked()
    assert isinstance(server.errors[0], Untrusted)
    with pytest.raises(Unreachable):  # closed
        await link.send(b"x")


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", b"x", bytes(65535)])
async def test_a_scanner_gets_not_one_byte(network, nursery, autojump_clock, noise) -> None:
    server = Accepting(credentials("bob"))
    await nursery.start(network.transport("b").serve, server)
    link = await network.transport("a").dial("b")
    await link.send(noise)
    with pytest.raises(Unreachable):
        await link.receive()
    assert link.traffic.received_bytes == 0
    await trio.testing.wait_all_tasks_blocked()
    assert isinstance(server.errors[0], Untrusted)


async def test_dialling_something_else(network, nursery, autojump_clock) -> None:
    async def other_protocol(link) -> None:
        await link.receive()
        await link.send(b"220 mail.example ESMTP")

    await nursery.start(network.transport("b").serve, other_protocol)
    with pytest.raises(Untrusted, match="another protocol"):
        await secure_dial(await network.transport("a").dial("b"), credentials("alice"))


async def test_dialler_refuses_the_certificate(network, nursery, autojump_clock) -> None:
    server = Accepting(credentials("bob"))
    await nursery.start(network.transport("b").serve, server)
    link = await network.transport("a").dial("b")
    with pytest.raises(Untrusted, match="bob"):
        await secure_dial(link, credentials("alice", trusted="carol"))
    await trio.testing.wait_all_tasks_blocked()
    assert link.traffic.sent_frames == 1, "our certificate stays with us"
    assert isinstance(server.errors[0], Unreachable)


async def test_server_refuses_the_certificate(network, nursery, autojump_clock) -> None:
    server = Accepting(credentials("bob", trusted="carol"))
    await nursery.start(network.transport("b").serve, server)
    secure = await secure_dial(await network.transport("a").dial("b"), credentials("alice"))
    with pytest.raises(Unreachable):
        await secure.receive()
    await trio.testing.wait_all_tasks_blocked()
    assert isinstance(server.errors[0], Untrusted)


async def test_stall_in_mid_handshake_hits_the_callers_deadline(
    network, nursery, autojump_clock
) -> None:
    server = Accepting(credentials("bob"))
    transport = network.transport("b")
    await nursery.start(transport.serve, server)
    silent = await network.transport("a").dial("b")
    halfway = await network.transport("a").dial("b")
    handshake = Handshake(
        LINK_PROTOCOL, initiator=True, static=b"s" * 32, prologue=b"v1", psk=CLUSTER_KEY
    )
    await halfway.send(handshake.write())
    begin_s = trio.current_time()
    for link in (silent, halfway):
        with pytest.raises(Unreachable):
            await receive_all(link)
    assert trio.current_time() - begin_s == pytest.approx(5)
    assert [type(error) for error in server.errors] == [trio.TooSlowError] * 2
    secure = await secure_dial(await network.transport("a").dial("b"), credentials("alice"))
    await secure.send(b"still up")
    assert await secure.receive() == b"still up"


async def test_cancelled_dial_closes_the_link(network, nursery, autojump_clock) -> None:
    async def silent(link) -> None:
        await trio.sleep_forever()

    await nursery.start(network.transport("b").serve, silent)
    link = await network.transport("a").dial("b")
    with pytest.raises(trio.TooSlowError), trio.fail_after(1):
        await secure_dial(link, credentials("alice"))
    with pytest.raises(Unreachable):
        await link.send(b"x")


async def test_over_tcp(nursery, rng) -> None:
    transport = TcpTransport("127.0.0.1:0")
    server = Accepting(credentials("bob"))
    address = await nursery.start(transport.serve, server)
    link = await transport.dial(address)
    frames = [rng.bytes(int(size)) for size in rng.integers(1, 2000, size=100)]
    with trio.fail_after(60):
        async with await secure_dial(link, credentials("alice")) as secure:
            frames.append(rng.bytes(secure.frame_max))
            for frame in frames:
                await secure.send(frame)
                assert await secure.receive() == frame
            with pytest.raises(LocalProtocolError):
                await secure.send(bytes(secure.frame_max + 1))
    assert server.links[0].refused_frames == 0
    assert secure.traffic.sent_frames == 2 + len(frames)


async def test_loss_copies_and_reordering_are_survived(network, nursery, autojump_clock) -> None:
    server = Accepting(credentials("bob"))
    await nursery.start(network.transport("b").serve, server)
    secure = await secure_dial(await network.transport("a").dial("b"), credentials("alice"))
    network.faults = Faults(loss=0.1, duplicate=0.2, reorder=0.2, delay_s=0.02, jitter_s=0.02)
    answered = []

    async def receive_all() -> None:
        while True:
            answered.append(await secure.receive())

    nursery.start_soon(receive_all)
    for i in range(500):
        await secure.send(b"%d" % i)
        await trio.sleep(0.01)
    await trio.sleep(1)
    assert len(answered) == len(set(answered)), "no frame is delivered twice"
    assert 350 < len(answered) < 450
    assert secure.refused_frames > 20
    assert server.links[0].refused_frames > 20


async def test_redialling_gets_through_a_bad_network(network, nursery, autojump_clock) -> None:
    network.faults = Faults(loss=0.3, duplicate=0.3, reorder=0.3, delay_s=0.02)
    server = Accepting(credentials("bob"))
    await nursery.start(network.transport("b").serve, server)
    identities = []
    for _ in range(60):
        with trio.move_on_after(2):
            try:
                secure = await secure_dial(
                    await network.transport("a").dial("b"), credentials("alice")
                )
            except Unreachable:
                continue
            identities.append(secure.identity)
            await secure.send(b"overtakes message 3 now and then")
            await secure.aclose()
    await trio.sleep(10)
    assert 15 < len(identities) < 60
    assert set(identities) == {"bob"}
    assert not any(isinstance(error, Untrusted) for error in server.errors)


async def test_copies_of_handshake_messages_do_no_harm(network, nursery, autojump_clock) -> None:
    network.faults = Faults(duplicate=1)
    server = Accepting(credentials("bob"))
    await nursery.start(network.transport("b").serve, server)
    secure = await secure_dial(await network.transport("a").dial("b"), credentials("alice"))
    await secure.send(b"hello")
    assert await secure.receive() == b"hello"
    assert server.links[0].refused_frames >= 1, "the copy of message 3"
    assert secure.refused_frames >= 1, "the copy of message 2"


async def test_a_long_row_of_bad_frames_ends_the_link(network, nursery, autojump_clock) -> None:
    server = Accepting(credentials("bob"))
    await nursery.start(network.transport("b").serve, server)
    link = await network.transport("a").dial("b")
    secure = await secure_dial(link, credentials("alice"))
    for _ in range(16):
        await link.send(bytes(40))
    await secure.send(b"good")
    assert await secure.receive() == b"good"
    for _ in range(17):
        await link.send(bytes(40))
    with pytest.raises(Unreachable):
        await secure.receive()
    assert server.links[0].refused_frames == 33
    assert isinstance(server.errors[0], RemoteProtocolError)
    assert "17 frames in a row" in str(server.errors[0])
