"""Readings that come while a cluster runs."""

from pathlib import Path

import attrs
import numpy as np
import pytest
import trio

from gossipfl.data.dataset import Dataset
from tests.simulation.cluster import MANIFEST, Cluster
from tests.simulation.device import Device
from tests.simulation.readings import clouds, skewed

STANDARDISED = attrs.evolve(MANIFEST, standardise="feature")


def put(device: Device, name: str, rows: Dataset) -> None:
    assert device.folder is not None
    np.savez(device.folder / name, X=rows.features, y=rows.targets)


@pytest.fixture
def cluster(tmp_path: Path, rng: np.random.Generator) -> Cluster:
    cluster = Cluster(tmp_path / "devices", skewed(rng, 3), manifest=STANDARDISED, rows_max=120)
    for device in cluster.devices:
        device.folder = tmp_path / f"folder-{device.name}"
        device.folder.mkdir()
    return cluster


async def test_new_files_are_learnt_from_and_told_of(autojump_clock, cluster, rng):
    first, *others = cluster.devices
    async with cluster.open():
        await cluster.start()
        await trio.sleep(20)
        before = first.status()["samples"]
        put(first, "monday.npz", clouds(rng, 60))
        await trio.sleep(30)
        assert before < first.status()["samples"] <= before + 60
        assert first.count("data.arrived") == 1
        for number in range(3):
            put(first, f"day-{number}.npz", clouds(rng, 60))
        await trio.sleep(60)
        status = first.status()
        assert (status["samples"], status["readings"]) == (120, 280)
        assert first.count("round") > 20
        # All hold the newest statistics, and the neighbours weigh the node as it is now.
        assert len({device.running.answers.model()["mean"] for device in cluster.devices}) == 1
    sides = [
        link.last.theirs.samples
        for device in others
        for key, link in cluster.links(device).items()
        if link.last is not None and key == first.key.public
    ]
    assert sides
    assert set(sides) == {120}


async def test_a_bad_file_is_told_of_once_and_stops_nothing(autojump_clock, cluster, rng):
    device = cluster.devices[0]
    async with cluster.open():
        await cluster.start(device)
        (device.folder / "broken.csv").write_text("x,side\n1,left\n")
        (device.folder / "notes.txt").write_text("not ours")
        (device.folder / ".hidden.npz").write_text("being written")
        await trio.sleep(60)
        assert device.reasons("data.refused") == [device.reasons("data.refused")[0]]
        assert "broken.csv" in device.reasons("data.refused")[0]
        assert device.status()["files_refused"] == ["broken.csv"]
        put(device, "good.npz", clouds(rng, 20))
        await trio.sleep(30)
        put(device, "good.npz", clouds(rng, 30))
        (device.folder / "broken.csv").unlink()
        await trio.sleep(60)
        assert device.count("data.arrived") == 1
        assert "has changed since it was read" in device.reasons("data.refused")[1]
        rounds = device.status()["rounds"]
        device.folder.rename(device.folder.with_name("gone"))
        await trio.sleep(60)
        assert device.count("data.lost") == 1
        assert device.status()["rounds"] > rounds


async def test_drift_is_measured_and_warned_of_once(autojump_clock, cluster, rng):
    device = cluster.devices[0]
    device.readings = clouds(rng, 400)
    async with cluster.open():
        await cluster.start(device)
        await trio.sleep(10)
        assert device.status()["drift"] is None
        put(device, "alike.npz", clouds(rng, 300))
        await trio.sleep(30)
        assert 0 < device.status()["drift"] < 0.2
        assert device.count("data.drifted") == 0
        moved = clouds(rng, 1_000)
        moved.features[:, 1] += 3
        for part in (0, 1):
            put(device, f"moved-{part}.npz", moved.take(np.arange(500 * part, 500 * part + 500)))
            await trio.sleep(30)
        status = device.status()
        assert status["drift"] > 0.6
        assert status["drift_feature"] == "y"
        assert status["label_drift"] < 0.2
        assert device.count("data.drifted") == 1
        last = [event for event in device.events if event["event"] == "round"][-1]
        assert last["drift"] == status["drift"]


async def test_what_neighbours_remember_gives_way_to_the_present(autojump_clock, cluster, rng):
    """A node that lost its state has fewer readings now than it once told of."""
    first = cluster.devices[0]
    async with cluster.open():
        first.readings = clouds(rng, 90)
        await cluster.start()
        await trio.sleep(10)
        await cluster.stop(first)
        first.directory = first.directory.with_name("wiped")
        first.directory.mkdir()
        first.readings = clouds(rng, 20)
        await cluster.start(first)
        await trio.sleep(30)
        counts = {
            tuple(entry.count for entry in device.running._sharing.moments.entries())
            for device in cluster.devices
        }
        assert len(counts) == 1
        assert max(max(counts)) < 60
