"""The memory network does what Faults say, takes no time under MockClock, and repeats itself."""

import numpy as np
import pytest
import trio
import trio.testing

from gossipfl.errors import ConfigError, LocalProtocolError, RemoteProtocolError, Unreachable
from gossipfl.transports.base import Traffic
from gossipfl.transports.memory import Faults, MemoryNetwork

FRAMES = [bytes([i % 256, i // 256]) for i in range(2000)]


def network_with(**faults) -> MemoryNetwork:
    return MemoryNetwork(np.random.default_rng(7), Faults(**faults))


async def hang(link) -> None:
    await trio.sleep_forever()


async def linked(network: MemoryNetwork, nursery):
    """Both ends of one link from "a" to "b"."""
    ends = []

    async def keep(link) -> None:
        ends.append(link)
        await trio.sleep_forever()

    await nursery.start(network.transport("b").serve, keep)
    ours = await network.transport("a").dial("b")
    await trio.testing.wait_all_tasks_blocked()
    return ours, ends[0]


async def collect(link, patience_s: float = 10.0) -> list[tuple[float, bytes]]:
    """(arrival second, frame) of everything until nothing comes any more."""
    received = []
    while True:
        with trio.move_on_after(patience_s):
            frame = await link.receive()
            received.append((trio.current_time(), frame))
            continue
        return received


async def send_all(link, frames, interval_s: float = 0.01) -> None:
    for frame in frames:
        await link.send(frame)
        await trio.sleep(interval_s)


async def exchange(frames=FRAMES, **faults) -> list[tuple[float, bytes]]:
    """What "b" receives of the frames that "a" sends, one each 10 ms."""
    async with trio.open_nursery() as nursery:
        ours, theirs = await linked(network_with(**faults), nursery)
        nursery.start_soon(send_all, ours, frames)
        received = await collect(theirs)
        nursery.cancel_scope.cancel()
    return received


async def test_without_faults_frames_arrive_in_order_at_once(autojump_clock) -> None:
    received = await exchange()
    assert [frame for _, frame in received] == FRAMES


async def test_delay_and_jitter_keep_the_order(autojump_clock) -> None:
    begin_s = trio.current_time()
    received = await exchange(delay_s=1.0, jitter_s=0.5)
    assert [frame for _, frame in received] == FRAMES
    # Dialling took one round trip of 2 s; frame i left 10 ms after frame i - 1.
    late_s = np.array([at_s - begin_s - 2 - 0.01 * i for i, (at_s, _) in enumerate(received)])
    assert late_s.min() >= 1.0
    assert 1.4 < late_s.max() <= 1.5 + 1e-9


async def test_loss(autojump_clock) -> None:
    received = await exchange(loss=0.2)
    assert 1600 - 100 < len(received) < 1600 + 100
    assert [frame for _, frame in received] == sorted((f for _, f in received), key=FRAMES.index)


async def test_duplicates(autojump_clock) -> None:
    received = [frame for _, frame in await exchange(duplicate=0.1)]
    assert 2200 - 60 < len(received) < 2200 + 60
    assert sorted(set(received)) == sorted(FRAMES)


async def test_reordered_frames_are_overtaken(autojump_clock) -> None:
    received = [frame for _, frame in await exchange(reorder=0.1)]
    assert sorted(received) == sorted(FRAMES)
    places = np.array([FRAMES.index(frame) for frame in received])
    held = np.sum(np.maximum.accumulate(places) > places)
    assert 200 - 60 < held < 200 + 60
    assert np.abs(places - np.arange(len(places))).max() <= 6, "held for 50 ms, sent each 10 ms"


async def test_full_queue_drops(autojump_clock) -> None:
    async with trio.open_nursery() as nursery:
        ours, theirs = await linked(network_with(queue_max=10), nursery)
        for frame in FRAMES[:50]:
            await ours.send(frame)
        assert [frame for _, frame in await collect(theirs)] == FRAMES[:10]
        nursery.cancel_scope.cancel()


def test_same_seed_same_run() -> None:
    def run(seed: int) -> list[tuple[float, bytes]]:
        async def main() -> list[tuple[float, bytes]]:
            faults = Faults(delay_s=0.1, jitter_s=0.1, loss=0.1, reorder=0.1, duplicate=0.1)
            network = MemoryNetwork(np.random.default_rng(seed), faults)
            async with trio.open_nursery() as nursery:
                ours, theirs = await linked(network, nursery)
                nursery.start_soon(send_all, ours, FRAMES[:300])
                received = await collect(theirs)
                nursery.cancel_scope.cancel()
            return received

        return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))

    assert run(1) == run(1)
    assert run(1) != run(2)


async def test_faults_of_one_direction_only(autojump_clock) -> None:
    async with trio.open_nursery() as nursery:
        network = network_with()
        ours, theirs = await linked(network, nursery)
        network.impair("a", "b", Faults(loss=1))
        await ours.send(b"lost")
        await theirs.send(b"kept")
        assert [frame for _, frame in await collect(ours)] == [b"kept"]
        assert await collect(theirs) == []
        nursery.cancel_scope.cancel()


async def test_partition_loses_silently_until_healed(autojump_clock) -> None:
    async with trio.open_nursery() as nursery:
        network = network_with()
        ours, theirs = await linked(network, nursery)
        network.partition({"a", "x"}, {"b", "y"})
        await ours.send(b"lost")
        await theirs.send(b"lost")
        assert await collect(ours) == await collect(theirs) == []
        for dialler, address in (("x", "b"), ("y", "a")):
            with pytest.raises(Unreachable, match="partition"):
                await network.transport(dialler).dial(address)
        await (await network.transport("z").dial("b")).aclose()
        network.heal()
        await ours.send(b"through")
        assert await theirs.receive() == b"through"
        await (await network.transport("x").dial("b")).aclose()
        nursery.cancel_scope.cancel()


async def test_close_arrives_after_the_frames_before_it(autojump_clock) -> None:
    async with trio.open_nursery() as nursery:
        ours, theirs = await linked(network_with(delay_s=1, reorder=0.5), nursery)
        await ours.send(b"one")
        await ours.send(b"two")
        await ours.aclose()
        assert {await theirs.receive(), await theirs.receive()} == {b"one", b"two"}
        for _ in range(2):
            with pytest.raises(Unreachable):
                await theirs.receive()
        with pytest.raises(Unreachable):
            await theirs.send(b"nobody there")
        with pytest.raises(Unreachable):
            await ours.send(b"closed")
        nursery.cancel_scope.cancel()


async def test_close_behind_a_partition_is_not_heard(autojump_clock) -> None:
    async with trio.open_nursery() as nursery:
        network = network_with()
        ours, theirs = await linked(network, nursery)
        network.partition("a", "b")
        await ours.aclose()
        network.heal()
        assert await collect(theirs) == []
        nursery.cancel_scope.cancel()


async def test_closing_our_end_wakes_our_receiver(autojump_clock) -> None:
    async with trio.open_nursery() as nursery:
        ours, _ = await linked(network_with(), nursery)
        nursery.start_soon(ours.aclose)
        with pytest.raises(Unreachable):
            await ours.receive()
        nursery.cancel_scope.cancel()


async def test_cancelled_receive_loses_nothing(autojump_clock) -> None:
    async with trio.open_nursery() as nursery:
        ours, theirs = await linked(network_with(delay_s=1), nursery)
        await ours.send(b"slow")
        with trio.move_on_after(0.5) as patience:
            await theirs.receive()
        assert patience.cancelled_caught
        assert await theirs.receive() == b"slow"
        nursery.cancel_scope.cancel()


async def test_traffic_counts_as_tcp_would(autojump_clock) -> None:
    async with trio.open_nursery() as nursery:
        ours, theirs = await linked(network_with(), nursery)
        await ours.send(b"12345")
        await theirs.receive()
        assert ours.traffic == Traffic(sent_bytes=7, sent_frames=1)
        assert theirs.traffic == Traffic(received_bytes=7, received_frames=1)
        assert (ours.peer, theirs.peer) == ("b", "a")
        nursery.cancel_scope.cancel()


async def test_dialling_nobody(autojump_clock) -> None:
    with pytest.raises(Unreachable, match="ghost"):
        await network_with().transport("a").dial("ghost")


async def test_illegal_frames_are_our_bug(autojump_clock, nursery) -> None:
    ours, _ = await linked(network_with(), nursery)
    for frame in (b"", bytes(65536)):
        with pytest.raises(LocalProtocolError):
            await ours.send(frame)


async def test_server_survives_failing_links_and_frees_its_name(autojump_clock) -> None:
    network = network_with()
    transport = network.transport("b", links_max=1)

    async def fail(link) -> None:
        await link.receive()
        raise RemoteProtocolError("illegal")

    async with trio.open_nursery() as nursery:
        assert await nursery.start(transport.serve, fail) == "b"
        with pytest.raises(ConfigError, match="served already"):
            await network.transport("b").serve(fail)
        for _ in range(3):
            link = await network.transport("a").dial("b")
            await link.send(b"x")
            with pytest.raises(Unreachable):
                await link.receive()
        for _ in range(2):  # the loop above has left room for one
            await network.transport("a").dial("b")
        await trio.testing.wait_all_tasks_blocked()
        assert transport.statistics().turned_away == 1
        nursery.cancel_scope.cancel()
    with pytest.raises(Unreachable):
        await network.transport("a").dial("b")
    async with trio.open_nursery() as nursery:
        await nursery.start(transport.serve, hang)
        nursery.cancel_scope.cancel()
