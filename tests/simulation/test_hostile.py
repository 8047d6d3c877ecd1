"""Peers that stall, lie or shout: the link goes, an event names the reason, the node stays up."""

from typing import Final

import attrs
import numpy as np
import pytest
import trio

from gossipfl.errors import PeerError, Unreachable
from gossipfl.gossip.link import FRESH
from gossipfl.wire.messages import (
    Fragment,
    Hello,
    KnownMoments,
    MomentsUpdate,
    Ping,
    Pong,
    Reply,
    Request,
    Revocations,
    Seed,
    encode,
)
from tests.simulation.cluster import MANIFEST, Cluster, settle, until
from tests.simulation.insider import Insider, read_to_end, shout
from tests.simulation.readings import skewed

PAYLOAD: Final = b"\0"
FIRST: Final = FRESH[:2]

INNER: Final = encode(Fragment(0, 2, b"x"))


def request(payload: bytes, samples: int | None = 10) -> bytes:
    return encode(Request(1, FIRST, 128, samples, payload))


# What is sent, and what the node says about it.
ILLEGAL: Final[dict[str, tuple[list[bytes], str]]] = {
    "garbage": ([b"\xff" * 40], "speaks protocol 15"),
    "flood of garbage": ([b"\xff" * 40] * 500, "speaks protocol 15"),
    "unknown type": ([b"\x1f\x64\x90"], "unknown type 115"),
    "no msgpack": ([b"\x12\xc1"], "illegal Request"),
    "too few fields": ([b"\x12\x91\x01"], "wrong number of fields"),
    "second hello": ([encode(Hello(MANIFEST.id, "0" * 16, 0, 0, 1))], "Hello in the middle"),
    "delta of another model": ([request(b"\xff\xff\x03")], "delta"),
    "delta longer than any": ([request(bytes(5000))], "longer than any delta"),
    "first request without samples": ([request(PAYLOAD, None)], "does not say its samples"),
    "statistics of another cluster": ([encode(MomentsUpdate((b"x",)))], "statistics"),
    "statistics where none are shared": ([encode(KnownMoments(()))], "does not share"),
    "forged revocations": ([encode(Revocations(bytes(80)))], "signature"),
    "fragment inside fragments": (
        [encode(Fragment(i, 2, part)) for i, part in enumerate((INNER[:3], INNER[3:]))],
        "a fragment inside fragments",
    ),
}


async def quiet(cluster: Cluster) -> None:
    """Nodes that never reach their first round: what moves the model now is the peer."""
    await cluster.start()
    await settle()


def quiet_cluster(path, rng, nodes: int = 1) -> Cluster:
    return Cluster(path, skewed(rng, nodes), interval_s=1e9)


@pytest.mark.parametrize("kind", ILLEGAL)
async def test_illegal_messages_end_the_link(autojump_clock, tmp_path, rng, kind):
    frames, reason = ILLEGAL[kind]
    cluster = quiet_cluster(tmp_path, rng)
    (device,) = cluster.devices
    async with cluster.open():
        await quiet(cluster)
        before = device.parameters(), device.average()
        async with Insider(cluster).befriend(device) as link:
            await shout(link, frames)
            await read_to_end(link)
        await settle()
        assert device.neighbours() == []
        (told,) = device.reasons("link.down")
        assert reason in told
        np.testing.assert_array_equal((device.parameters(), device.average()), before)
        assert device.status()["exchanges"] == 0


async def test_a_seed_from_the_wrong_end(autojump_clock, tmp_path, rng):
    """Only the lower id may seed a link: the other one cannot move our anchor."""
    cluster = quiet_cluster(tmp_path, rng)
    (device,) = cluster.devices
    insiders = (Insider(cluster, f"insider-{i}") for i in range(9999))
    insider = next(i for i in insiders if i.device.key.public > device.key.public)
    async with cluster.open():
        await quiet(cluster)
        async with insider.befriend(device) as link:
            await link.send(encode(Seed(PAYLOAD)))
            await read_to_end(link)
        assert any("must not send" in reason for reason in device.reasons("link.down"))
        assert device.status()["links_seeded"] == 0


async def test_a_request_is_applied_once_however_often_it_comes(autojump_clock, tmp_path, rng):
    cluster = quiet_cluster(tmp_path, rng)
    (device,) = cluster.devices
    async with cluster.open():
        await quiet(cluster)
        async with Insider(cluster).befriend(device) as link:
            for _ in range(200):
                await link.send(request(PAYLOAD))
            await settle()
            assert device.status()["exchanges"] == 1
            assert device.neighbours() == ["insider"]


async def test_stale_and_unasked_replies_do_nothing(autojump_clock, tmp_path, rng):
    cluster = quiet_cluster(tmp_path, rng)
    (device,) = cluster.devices
    async with cluster.open():
        await quiet(cluster)
        before = device.parameters()
        async with Insider(cluster).befriend(device) as link:
            for sequence in (1, 2, 2**32 - 1):
                await link.send(encode(Reply(sequence, FIRST, 128, 10, PAYLOAD)))
            await settle()
            assert device.neighbours() == ["insider"]
            np.testing.assert_array_equal(device.parameters(), before)


async def test_a_flood_of_pings_does_not_stop_the_rounds(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 2))
    device, other = cluster.devices
    async with cluster.open():
        await cluster.start()
        async with Insider(cluster).befriend(device) as link:
            for _ in range(2000):
                await link.send(encode(Ping()))
                await link.send(encode(Pong()))
            await trio.sleep(30)
        assert device.status()["rounds"] > 10
        assert other.status()["exchanges"] > 10


async def test_frames_that_do_not_open_end_the_link(autojump_clock, tmp_path, rng):
    """A forger between the two can cut a link, but not speak on it."""
    cluster = quiet_cluster(tmp_path, rng)
    (device,) = cluster.devices
    insider = Insider(cluster)
    async with cluster.open():
        await quiet(cluster)
        async with insider.befriend(device) as link:
            await shout(link._link, [bytes(60)] * 40)
            await settle()
        assert any("do not open" in reason for reason in device.reasons("link.down"))


async def test_strangers_that_stall_are_dropped_and_block_nobody(autojump_clock, tmp_path, rng):
    """Forty half-open handshakes, as any program on the network could begin."""
    cluster = Cluster(tmp_path, skewed(rng, 2), handshake_timeout_s=5.0)
    device, other = cluster.devices
    async with cluster.open():
        await cluster.start(device)
        transport = cluster.network.transport("stranger:1")
        links = [await transport.dial(device.address) for _ in range(40)]
        await cluster.start(other)
        await until(lambda: device.neighbours() == [other.name], within_s=2)
        await trio.sleep(10)
        assert device.reasons("link.failed").count("the handshake took too long") == 40
        with pytest.raises(Unreachable):
            await links[0].receive()
        assert all(link.traffic.received_bytes == 0 for link in links)


async def test_strangers_get_not_one_byte(autojump_clock, tmp_path, rng):
    cluster = quiet_cluster(tmp_path, rng)
    (device,) = cluster.devices
    async with cluster.open():
        await quiet(cluster)
        for length in (1, 47, 48, 49, 65535):
            link = await cluster.network.transport("stranger:1").dial(device.address)
            await link.send(rng.bytes(length))
            with pytest.raises(PeerError):
                await link.receive()
            assert link.traffic.received_bytes == 0
        await settle()
        assert device.count("peer.untrusted") == 5
        assert all("stranger" in reason for reason in device.reasons("peer.untrusted"))


async def test_a_member_that_stalls_before_its_hello(autojump_clock, tmp_path, rng):
    cluster = quiet_cluster(tmp_path, rng)
    (device,) = cluster.devices
    async with cluster.open():
        await quiet(cluster)
        async with Insider(cluster).dial(device) as link:
            await read_to_end(link)
        assert device.reasons("link.failed") == ["the handshake took too long"]
        assert device.count("link.up") == 0


@pytest.mark.parametrize("frame", [b"\xff" * 9, encode(Ping()), encode(KnownMoments(()))])
async def test_a_member_that_does_not_say_hello(autojump_clock, tmp_path, rng, frame):
    cluster = quiet_cluster(tmp_path, rng)
    (device,) = cluster.devices
    async with cluster.open():
        await quiet(cluster)
        async with Insider(cluster).dial(device) as link:
            await link.send(frame)
            await read_to_end(link)
        assert device.count("link.failed") == 1
        assert device.count("link.up") == 0


async def test_a_silent_member_does_not_hold_up_training(autojump_clock, tmp_path, rng):
    """It is the only neighbour, and never tells its statistics."""
    manifest = attrs.evolve(MANIFEST, standardise="feature")
    cluster = Cluster(tmp_path, skewed(rng, 1), manifest=manifest, probe_interval_s=1e6)
    (device,) = cluster.devices
    async with cluster.open():
        await cluster.start()
        async with Insider(cluster).befriend(device):
            await trio.sleep(20)
            assert device.status()["rounds"] == 0
            await trio.sleep(40)
            assert device.status()["rounds"] > 5


async def test_who_breaks_the_rules_each_time_is_left_alone(autojump_clock, tmp_path, rng):
    """We dial it, since we were told to; but not every second for ever."""
    cluster = Cluster(tmp_path, skewed(rng, 1), mdns=False)
    (device,) = cluster.devices
    insider = Insider(cluster)
    device.config = attrs.evolve(device.config, peer=(insider.device.address,))
    async with cluster.open(), trio.open_nursery() as nursery:
        await nursery.start(insider.serve, b"\xff\xff")
        await cluster.start()
        await trio.sleep(1000)
        assert 3 <= insider.served <= 25
        assert device.count("link.up") == device.count("link.down") == insider.served
        assert device.status()["rounds"] > 500
        nursery.cancel_scope.cancel()
