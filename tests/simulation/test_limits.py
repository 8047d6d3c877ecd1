"""Nodes that may send only so much: they keep to it, and learn with those that may send more."""

import attrs
import trio

from gossipfl.data.dataset import Dataset
from tests.simulation.cluster import MANIFEST, Cluster
from tests.simulation.readings import clouds, skewed

HALF_HOUR_S = 1800.0
DAY = 200_000


async def test_a_node_keeps_to_its_day(autojump_clock, tmp_path, rng):
    """Pings and handshakes count; a neighbour without limits asks all the time."""
    settings = {"interval_s": 10.0, "resend_s": 30.0}
    cluster = Cluster(tmp_path, readings(rng), bytes_per_day=DAY, **settings)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(HALF_HOUR_S)
        first = [device.status()["sent_bytes"] for device in cluster.devices]
        await trio.sleep(HALF_HOUR_S)
        second = [device.status()["sent_bytes"] for device in cluster.devices]
        assert all(device.status()["exchanges"] > 20 for device in cluster.devices)
        assert min(cluster.accuracy(device, clouds(rng, 300)) for device in cluster.devices) > 0.85
    spent = [after - before for before, after in zip(first, second, strict=True)]
    assert min(spent) > 0.7 * DAY / 48
    # What the first half hour saved may be spent in the second.
    assert max(spent) <= 2 * DAY / 48


def readings(rng) -> list[Dataset]:
    return skewed(rng, 3)


async def test_the_ends_of_a_link_may_differ(autojump_clock, tmp_path, rng):
    assert MANIFEST.keep_ratio == 0.34
    cluster = Cluster(tmp_path, readings(rng))
    small = cluster.devices[0]
    small.config = attrs.evolve(small.config, max_message_bytes=64)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(80)
        assert min(cluster.accuracy(device, clouds(rng, 300)) for device in cluster.devices) > 0.85
        assert all(device.status()["links_seeded"] == 0 for device in cluster.devices)
