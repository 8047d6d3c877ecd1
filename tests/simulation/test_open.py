"""Meshes whose members are not trusted: they learn, and remember whom not to trust."""

from typing import Final

import attrs
import numpy as np
import trio

from gossipfl.gossip.caution import Caution
from tests.simulation.cluster import MANIFEST, Cluster
from tests.simulation.device import Device
from tests.simulation.readings import clouds, skewed

OPEN: Final = attrs.evolve(MANIFEST, trust="open")


def caution(device: Device) -> Caution:
    found = device.running._mixer.replica.caution
    assert found is not None
    return found


async def all_written(device: Device) -> None:
    """Until nothing that is known of neighbours rests on a row that a kill would take away."""
    journal, known = device.running._mixer._journal, b""
    while known != (known := caution(device).snapshot()):
        await journal.wait_written(journal.position)


async def test_an_open_mesh_learns(autojump_clock, tmp_path, rng):
    test = clouds(rng, 500)
    cluster = Cluster(tmp_path, skewed(rng, 6), manifest=OPEN, view=5)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(100)
        assert min(cluster.accuracy(device, test) for device in cluster.devices) > 0.85
        assert [device.status()["links_seeded"] for device in cluster.devices] == [0] * 6
        granted = [
            [n["granted"] for n in device.status()["neighbours"]] for device in cluster.devices
        ]
        # Where every node has readings of its own kind some honest links are doubted, never most.
        heard = [np.count_nonzero(row) / len(row) for row in granted]
        assert min(heard) >= 0.4  # one of five is assumed to lie
        assert np.mean(heard) > 0.5


async def test_what_is_known_of_neighbours_survives_a_kill(autojump_clock, tmp_path, rng):
    """The journal's rows after the last checkpoint are replayed into the sketches as well."""
    cluster = Cluster(tmp_path, skewed(rng, 4), manifest=OPEN, checkpoint_interval_s=20.0)
    device = cluster.devices[0]
    async with cluster.open():
        await cluster.start()
        await trio.sleep(50)
        await all_written(device)
        before = dict(caution(device).pulls.sketches)
        length = caution(device).length
        await cluster.kill(device)
        await cluster.start(device)
        after = caution(device)
        assert after.length == length
        assert list(after.pulls.sketches) == list(before)
        for link, sketch in before.items():
            np.testing.assert_array_equal(after.pulls.sketches[link], sketch)
