"""What must hold after a run, however bad the network was."""

import numpy as np

from tests.simulation.cluster import Cluster


def seeded(cluster: Cluster) -> list[int]:
    """Links that had to start over, by node."""
    return [device.count("link.seeded") for device in cluster.devices]


def assert_links_agree(cluster: Cluster) -> None:
    """On the disks of stopped nodes: no more than the open exchange lies between two ends."""
    keys = {device.key.public: device for device in cluster.devices}
    for device in cluster.devices:
        for key, here in cluster.links(device).items():
            there = cluster.links(keys[key])[device.key.public]
            assert abs(here.sequence - there.sequence) <= 1
            if here.sequence == there.sequence:
                assert here.digest == there.digest
                np.testing.assert_array_equal(here.anchor.view("u4"), there.anchor.view("u4"))
