"""A mesh on a good network: it learns, its ends agree to the bit, statistics reach everybody."""

from pathlib import Path

import attrs
import numpy as np
import pytest
import trio

from gossipfl.data.dataset import Dataset
from gossipfl.data.schema import Schema
from gossipfl.transports.faults import Faults
from tests.simulation.cluster import MANIFEST, Cluster, settle
from tests.simulation.readings import clouds, skewed

NODES = 5
STANDARDISED = attrs.evolve(MANIFEST, standardise="feature")


async def lone_accuracies(path: Path, cluster: Cluster, test, seconds: float) -> list[float]:
    """What each node gets from its own readings alone, in the same time."""
    readings = [device.readings for device in cluster.devices]
    alone = Cluster(path / "alone", readings, mdns=False)
    async with alone.open():
        await alone.start()
        await trio.sleep(seconds)
        return [alone.accuracy(device, test) for device in alone.devices]


async def test_a_mesh_learns_what_no_lone_node_can(autojump_clock, tmp_path, rng):
    test = clouds(rng, 500)
    cluster = Cluster(tmp_path, skewed(rng, NODES))
    async with cluster.open():
        await cluster.start()
        await trio.sleep(80)
        mesh = [cluster.accuracy(device, test) for device in cluster.devices]
    lone = await lone_accuracies(tmp_path, cluster, test, 80)
    assert min(mesh) > 0.88
    assert min(mesh) > max(lone) + 0.03
    assert min(mesh) > np.mean(lone) + 0.1


async def test_both_ends_of_every_link_hold_the_same_anchor(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, NODES))
    async with cluster.open():
        await cluster.start()
        await trio.sleep(40)
        await settle()
        pairs = list(cluster.live_pairs())
        await cluster.stop()
    assert len(pairs) == NODES * (NODES - 1) // 2
    for one, other in pairs:
        here, there = cluster.links(one)[other.key.public], cluster.links(other)[one.key.public]
        assert here.pending is None
        assert there.pending is None
        assert (here.sequence, here.digest) == (there.sequence, there.digest)
        assert here.sequence > 5
        np.testing.assert_array_equal(here.anchor.view("u4"), there.anchor.view("u4"))


async def test_what_was_learnt_is_on_the_disk_after_a_clean_stop(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 3))
    async with cluster.open():
        await cluster.start()
        await trio.sleep(17)
        await settle()
        before = [(d.status()["rounds"], d.parameters(), d.average()) for d in cluster.devices]
        await cluster.stop()
        for device in cluster.devices:
            device.config = attrs.evolve(device.config, interval_s=1e9)
        await cluster.start()
        for device, (rounds, parameters, average) in zip(cluster.devices, before, strict=True):
            assert device.status()["rounds"] == rounds > 0
            np.testing.assert_array_equal(device.parameters(), parameters)
            np.testing.assert_array_equal(device.average(), average)


async def test_a_late_joiner_catches_up_and_all_standardise_alike(autojump_clock, tmp_path, rng):
    test = clouds(rng, 500)
    cluster = Cluster(tmp_path, skewed(rng, NODES), manifest=STANDARDISED)
    *early, late = cluster.devices
    async with cluster.open():
        await cluster.start(*early)
        await trio.sleep(30)
        assert len({device.running.answers.model()["mean"] for device in early}) == 1
        before = early[0].running.answers.model()["mean"]
        await cluster.start(late)
        await trio.sleep(40)
        for kind in ("mean", "inverse_deviation"):
            told = {device.running.answers.model()[kind] for device in cluster.devices}
            assert len(told) == 1, kind
        assert before != late.running.answers.model()["mean"]
        assert cluster.accuracy(late, test) > 0.85


async def test_training_uses_the_statistics_of_the_cluster(autojump_clock, tmp_path, rng):
    """Readings far from zero cannot be learnt from as they are."""
    readings = [
        attrs.evolve(each, features=each.features * np.float32(50) + np.float32(2000))
        for each in skewed(rng, NODES)
    ]
    test = clouds(rng, 500)
    test = attrs.evolve(test, features=test.features * np.float32(50) + np.float32(2000))
    cluster = Cluster(tmp_path, readings, manifest=STANDARDISED)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(80)
        assert min(cluster.accuracy(device, test) for device in cluster.devices) > 0.88


async def test_statistics_of_many_columns_travel_in_portions(autojump_clock, tmp_path, rng):
    """Those of five nodes are longer together than any message may be."""
    columns = 20_000
    schema = Schema(columns=columns, target="side", classes=("left", "right"))
    manifest = attrs.evolve(STANDARDISED, schema=schema, keep_ratio=0.001)
    readings = [wide(rng, columns) for _ in range(NODES)]
    cluster = Cluster(tmp_path, readings, manifest=manifest, interval_s=10.0)
    *early, late = cluster.devices
    async with cluster.open():
        await cluster.start(*early)
        await trio.sleep(10)
        await cluster.start(late)
        await trio.sleep(30)
        assert len({device.running.answers.model()["mean"] for device in cluster.devices}) == 1
        assert late.status()["exchanges"] > 0


def wide(rng: np.random.Generator, columns: int) -> Dataset:
    """Twelve rows, just enough to tell of."""
    return Dataset(
        features=rng.normal(size=(12, columns)).astype(np.float32),
        targets=np.arange(12) % 2,
        columns=tuple(f"x{i}" for i in range(columns)),
        source="test",
    )


async def test_a_node_of_one_trains_after_a_moment(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, [clouds(rng, 40)], manifest=STANDARDISED)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(20)
        (device,) = cluster.devices
        assert device.status()["rounds"] > 3
        assert device.count("discovery.quiet") == 1


async def test_a_node_stops_after_its_rounds(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 3), rounds=7)
    async with cluster.open():
        await cluster.start()
        for device in cluster.devices:
            await device.stopped.wait()
    assert all(cluster.links(device) for device in cluster.devices)


async def test_an_exchange_takes_a_round_trip(autojump_clock, tmp_path, rng):
    """Each way takes 0.2 s; a request whose reply is lost counts from when it was first sent."""
    cluster = Cluster(tmp_path, skewed(rng, 3), faults=Faults(delay_s=0.2), resend_s=3.0)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(60)
        device = cluster.devices[0]
        assert device.status()["exchange"]["p50_ms"] == pytest.approx(400)
        assert len(device.running.answers.latencies()["exchange_ms"]) > 10
        cluster.network.faults = Faults(delay_s=0.2, loss=0.3)
        await trio.sleep(120)
        longest_ms = device.status()["exchange"]["max_ms"]
        assert 3000 < longest_ms < 30_000
