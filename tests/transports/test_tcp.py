"""TcpTransport over real loopback sockets."""

import socket
from collections.abc import Callable

import pytest
import trio

from gossipfl.errors import ConfigError, RemoteProtocolError, Unreachable
from gossipfl.transports.address import format_address, parse_address
from gossipfl.transports.tcp import TcpTransport


async def echo(link) -> None:
    while True:
        await link.send(await link.receive())


async def hang(link) -> None:
    await trio.sleep_forever()


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(60):
        while not condition():
            await trio.lowlevel.checkpoint()


@pytest.fixture
def loopback() -> TcpTransport:
    return TcpTransport("127.0.0.1:0")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", ""])
async def test_frames_there_and_back(host: str, nursery) -> None:
    address = await nursery.start(TcpTransport(f"{host}:0").serve, echo)
    dialled = [f"127.0.0.1:{parse_address(address)[1]}"] if not host else [address]
    if not host and socket.has_ipv6:
        dialled.append(f"[::1]:{parse_address(address)[1]}")
    for target in dialled:
        async with await TcpTransport().dial(target) as link:
            assert link.peer == target
            await link.send(b"hello")
            assert await link.receive() == b"hello"
            assert (link.traffic.sent_bytes, link.traffic.received_bytes) == (7, 7)


async def test_random_frames_both_ways_at_once(loopback, nursery, rng) -> None:
    sizes = rng.integers(1, 400, size=300)
    sizes[::50] = 65535
    frames = [rng.bytes(int(size)) for size in sizes]

    async def send_all(link) -> None:
        for frame in frames:
            await link.send(frame)

    async def both_ways(link) -> None:
        async with trio.open_nursery() as inner:
            inner.start_soon(send_all, link)
            assert [await link.receive() for _ in frames] == frames

    address = await nursery.start(loopback.serve, both_ways)
    with trio.fail_after(60):
        async with await loopback.dial(address) as link:
            await both_ways(link)
            assert link.traffic.received_frames == link.traffic.sent_frames == 300


async def test_the_server_names_its_peer_and_sends_small_frames_at_once(loopback, nursery) -> None:
    peers = []

    async def note(link) -> None:
        peers.append(link.peer)
        no_delay = link._stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        await link.send(bytes([no_delay]))

    address = await nursery.start(loopback.serve, note)
    async with await loopback.dial(address) as link:
        assert await link.receive() == b"\x01"
        assert peers == [format_address(*link._stream.socket.getsockname())]
        with pytest.raises(Unreachable, match="closed the link"):
            await link.receive()  # note() returned, so the server closed it


async def test_failing_links_leave_the_server_alone(loopback, nursery) -> None:
    async def fail(link) -> None:
        request = await link.receive()
        if request == b"deadline":
            with trio.fail_after(0.001):
                await trio.sleep_forever()
        if request == b"nursery":
            async with trio.open_nursery() as inner:
                inner.start_soon(trio.sleep_forever)
                raise RemoteProtocolError("illegal, in a group")
        if request == b"protocol":
            raise RemoteProtocolError("illegal")
        await link.send(b"fine")

    address = await nursery.start(loopback.serve, fail)
    for request in (b"deadline", b"nursery", b"protocol"):
        async with await loopback.dial(address) as link:
            await link.send(request)
            with pytest.raises(Unreachable):
                await link.receive()
    stream = await trio.open_tcp_stream(*parse_address(address))
    await stream.send_all(b"\x00\x00")  # an illegal frame from someone else's program
    assert await stream.receive_some() == b""
    await stream.aclose()
    async with await loopback.dial(address) as link:
        await link.send(b"anything")
        assert await link.receive() == b"fine"
    assert loopback.statistics().failed == 4


async def test_a_bug_in_on_link_is_not_hidden(loopback) -> None:
    async def buggy(link) -> None:
        raise KeyError("bug")

    with pytest.RaisesGroup(KeyError, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            address = await nursery.start(loopback.serve, buggy)
            async with await loopback.dial(address):
                await trio.sleep_forever()


async def test_too_many_links_are_turned_away_at_once(nursery) -> None:
    transport = TcpTransport("127.0.0.1:0", links_max=2)
    address = await nursery.start(transport.serve, echo)
    first, second = await transport.dial(address), await transport.dial(address)
    for link in (first, second):
        await link.send(b"x")
        await link.receive()
    async with await transport.dial(address) as third:
        with pytest.raises(Unreachable):
            await third.receive()
    await first.aclose()
    await until(lambda: transport.statistics().open == 1)
    async with await transport.dial(address) as fourth:
        await fourth.send(b"room again")
        assert await fourth.receive() == b"room again"
    await second.aclose()
    assert transport.statistics().turned_away == 1


async def test_cancelled_server_closes_its_links_and_frees_its_port(loopback) -> None:
    async with trio.open_nursery() as nursery:
        address = await nursery.start(loopback.serve, hang)
        link = await loopback.dial(address)
        await until(lambda: loopback.statistics().open == 1)
        nursery.cancel_scope.cancel()
    with pytest.raises(Unreachable):
        await link.receive()
    await link.aclose()
    with pytest.raises(Unreachable, match=r"127.0.0.1:\d+ does not answer: .*refused"):
        await loopback.dial(address)


async def test_closing_our_end_wakes_our_receiver(loopback, nursery) -> None:
    address = await nursery.start(loopback.serve, hang)
    link = await loopback.dial(address)

    async def expect_unreachable() -> None:
        with pytest.raises(Unreachable):
            await link.receive()

    async with trio.open_nursery() as inner:
        inner.start_soon(expect_unreachable)
        await trio.testing.wait_all_tasks_blocked()
        await link.aclose()
    with pytest.raises(Unreachable):
        await link.send(b"x")


async def test_port_in_use_says_which_and_what_to_do(loopback, nursery) -> None:
    address = await nursery.start(loopback.serve, hang)
    port = parse_address(address)[1]
    with pytest.raises(ConfigError, match=rf"port {port} on 127.0.0.1 is in use.*--listen :0"):
        await TcpTransport(address).serve(hang)


@pytest.mark.parametrize(
    ("listen", "hint"),
    [
        ("192.0.2.77:0", "not an address of this device"),
        ("no-such-host.invalid:0", "cannot listen"),
    ],
)
async def test_other_listening_faults(listen: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        await TcpTransport(listen).serve(hang)


async def test_unusable_addresses() -> None:
    for address in (":7400", "127.0.0.1:0", "nonsense"):
        with pytest.raises(ConfigError, match="HOST:PORT"):
            await TcpTransport().dial(address)
    with pytest.raises(Unreachable, match="does not answer"):
        await TcpTransport().dial("no-such-host.invalid:7400")
