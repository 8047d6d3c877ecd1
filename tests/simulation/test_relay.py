"""Nodes that cannot reach each other gossip through a seed, which reads none of it."""

from typing import Final

import pytest
import trio
from attrs import evolve

from gossipfl.central.settings import CoordinatorSettings
from gossipfl.errors import PeerError
from gossipfl.transports.relay import parse_relay_address
from gossipfl.wire.messages import decode, encode
from gossipfl.wire.relay import RelayClose, RelayFrame, RelayOpen
from tests.simulation.cluster import Cluster, settle, until
from tests.simulation.insider import Insider, read_to_end
from tests.simulation.readings import clouds, skewed

SETTINGS: Final = CoordinatorSettings(deadline_s=10.0)


def apart(path, rng, nodes: int = 2) -> tuple[Cluster, list, object]:
    """Nodes on networks of their own, and a seed that all of them reach."""
    cluster = Cluster(path, [*skewed(rng, nodes), SETTINGS], mdns=False, hints=True)
    *members, seed = cluster.devices
    for device in cluster.devices:
        peer = () if device is seed else (seed.address,)
        device.config = evolve(device.config, peer=peer, advertise=(device.address,))
    for device in members:
        others = [each.address for each in members if each is not device]
        cluster.network.partition([device.address], others)
    return cluster, members, seed


def relayed(device) -> list[str]:
    return [
        neighbour["name"]
        for neighbour in device.status()["neighbours"]
        if parse_relay_address(neighbour["address"].rpartition(":")[0] + ":1")
    ]


async def test_two_nodes_gossip_through_a_seed(autojump_clock, tmp_path, rng):
    cluster, (one, other), seed = apart(tmp_path, rng)
    async with cluster.open():
        await cluster.start()
        await until(lambda: relayed(one) == [other.name], within_s=120)
        await until(lambda: relayed(other) == [one.name], within_s=5)
        before = one.status()["exchanges"]
        await trio.sleep(60)
        assert one.status()["exchanges"] > before + 20
        assert cluster.accuracy(one, clouds(rng, 300)) > 0.85
        assert seed.count("relay.opened") >= 1
        assert one.status()["mode"] == "gossip"


async def test_a_seed_that_stops_takes_relayed_links_along_and_they_come_back(
    autojump_clock, tmp_path, rng
):
    cluster, (one, other), seed = apart(tmp_path, rng)
    async with cluster.open():
        await cluster.start()
        await until(lambda: relayed(one) == [other.name], within_s=120)
        await cluster.kill(seed)
        await until(lambda: not relayed(one) and not relayed(other), within_s=60)
        await cluster.start(seed)
        await until(lambda: relayed(one) == [other.name], within_s=300)


async def test_what_a_seed_sees_is_sealed(autojump_clock, tmp_path, rng, monkeypatch):
    cluster, (one, other), seed = apart(tmp_path, rng)
    seen: list[bytes] = []
    async with cluster.open():
        await cluster.start(seed)
        relaying = seed.running._network._relaying
        passed = relaying._on_frame
        monkeypatch.setattr(
            relaying, "_on_frame", lambda key, body: (seen.append(body), passed(key, body))
        )
        await cluster.start(one, other)
        await until(lambda: relayed(one) == [other.name], within_s=120)
        await trio.sleep(10)
    assert len(seen) > 10
    for body in seen:
        assert one.name.encode() not in body
        assert other.name.encode() not in body
        with pytest.raises(PeerError):
            decode(body)


async def test_only_seeds_relay_and_only_to_whom_they_know(autojump_clock, tmp_path, rng):
    cluster, (one, _), seed = apart(tmp_path, rng)
    async with cluster.open():
        await cluster.start(one, seed)
        async with Insider(cluster, "asker").befriend(one) as link:
            await link.send(encode(RelayOpen(1, bytes(8))))
            await read_to_end(link)
        assert any("we are no seed" in reason for reason in one.reasons("link.down"))
        async with Insider(cluster, "stranger").befriend(seed) as link:
            await link.send(encode(RelayOpen(1, bytes(8))))
            await link.send(encode(RelayFrame(9, True, b"into the void")))
            await settle()
            closes = []
            while not closes:
                message = decode(await link.receive())
                closes = [message] if isinstance(message, RelayClose) else []
        assert "not linked" in closes[0].reason


async def test_links_of_one_member_are_bounded(autojump_clock, tmp_path, rng):
    cluster, (one, _), seed = apart(tmp_path, rng)
    async with cluster.open():
        await cluster.start(one, seed)
        await until(lambda: seed.neighbours() == [one.name], within_s=20)
        target = one.running._network.overlay.herald.id
        async with Insider(cluster, "greedy").befriend(seed) as link:
            for number in range(1, 40):
                await link.send(encode(RelayOpen(number, target)))
            await settle()
            passages = seed.running._network._relaying._passages
            assert len(passages) == 2 * 8
        await settle()
        await trio.sleep(1)
        assert not passages
