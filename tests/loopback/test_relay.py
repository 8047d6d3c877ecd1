"""A relayed link over real sockets, between nodes at whose addresses nobody answers."""

import numpy as np
import trio
from attrs import evolve

from gossipfl.central.settings import CoordinatorSettings
from gossipfl.node import neighbourhood
from gossipfl.transports.relay import parse_relay_address
from gossipfl.transports.tcp import TcpTransport
from tests.simulation.cluster import Cluster, until
from tests.simulation.device import Device
from tests.simulation.readings import skewed

PATIENCE_S = 60.0
NOBODY = "127.0.0.1:9"


def relayed(device: Device) -> bool:
    found = [neighbour["address"] for neighbour in device.status()["neighbours"]]
    return any(parse_relay_address(address) for address in found)


def exchanged(device: Device, before: int) -> bool:
    return device.status()["exchanges"] > before + 20


async def test_two_nodes_link_through_a_seed_over_tcp(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    cluster = Cluster(tmp_path, [*skewed(rng, 2), CoordinatorSettings()], mdns=False)
    monkeypatch.setattr(cluster.network, "transport", lambda _: TcpTransport("127.0.0.1:0"))
    monkeypatch.setattr(neighbourhood, "ADDRESSES_INTERVAL_S", 0.5)
    *nodes, seed = cluster.devices
    for device in cluster.devices:
        device.clock_off_s = -trio.current_time()
        device.config = evolve(device.config, interval_s=0.1)
    async with cluster.open():
        await cluster.start(seed)
        at = seed.status()["address"]
        for device in nodes:
            device.config = evolve(device.config, peer=(at,), advertise=(NOBODY,))
        await cluster.start(*nodes)
        await until(lambda: all(map(relayed, nodes)), within_s=PATIENCE_S)
        before = [device.status()["exchanges"] for device in nodes]
        await until(lambda: all(map(exchanged, nodes, before)), within_s=PATIENCE_S)
        assert seed.count("relay.opened") >= 1
