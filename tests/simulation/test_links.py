"""Who links to whom: no more links than wanted, one to each peer, and a cut mesh grows together."""

from typing import Final

import attrs
import numpy as np
import trio

from gossipfl.node import connector
from gossipfl.transports.faults import Faults
from tests.simulation.cluster import Cluster, until
from tests.simulation.readings import skewed

STATIC: Final = {"mdns": False, "hints": False}


def knows(device, *others) -> None:
    """Addresses that its operator named."""
    addresses = tuple(other.address for other in others)
    device.config = attrs.evolve(device.config, peer=addresses)


async def test_no_more_links_than_allowed(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 9), view=2, view_max=3, interval_s=10.0)
    async with cluster.open():
        await cluster.start()
        for _ in range(60):
            await trio.sleep(5)
            links = [len(device.neighbours()) for device in cluster.devices]
            assert max(links) <= 3
        assert min(links) >= 1
        assert len(cluster.groups()) == 1


async def test_a_full_peer_is_not_dialled_over_and_over(autojump_clock, tmp_path, rng):
    """It declines, says why, and is left alone for longer and longer."""
    cluster = Cluster(tmp_path, skewed(rng, 3), view=1, view_max=1, interval_s=10.0, **STATIC)
    hub, partner, late = cluster.devices
    knows(partner, hub)
    knows(late, hub)
    async with cluster.open():
        await cluster.start(hub, partner)
        await trio.sleep(5)
        await cluster.start(late)
        await trio.sleep(600)
        assert hub.neighbours() == [partner.name]
        assert "all our links are in use" in hub.reasons("link.declined")
        assert any("all our links are in use" in reason for reason in late.reasons("link.down"))
        assert 3 <= hub.count("link.declined") <= 15
        await cluster.stop(partner)
        await until(lambda: hub.neighbours() == [late.name], within_s=200)


async def test_two_that_dial_each_other_at_once_keep_one_link(autojump_clock, tmp_path, rng):
    for case in range(12):
        cluster = Cluster(
            tmp_path / str(case),
            skewed(rng, 2),
            seed=case,
            faults=Faults(delay_s=0.05, jitter_s=0.1),
            **STATIC,
        )
        one, other = cluster.devices
        knows(one, other)
        knows(other, one)
        async with cluster.open():
            await cluster.start()
            await trio.sleep(30)
            assert (one.neighbours(), other.neighbours()) == ([other.name], [one.name])
            dialled = [device.status()["neighbours"][0]["dialled"] for device in (one, other)]
            assert sorted(dialled) == [False, True]
            assert min(device.status()["exchanges"] for device in (one, other)) > 10
            assert max(device.count("link.up") for device in (one, other)) <= 3


async def test_a_node_that_dials_itself_forgets_that_address(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 1), **STATIC)
    (device,) = cluster.devices
    knows(device, device)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(100)
        assert device.neighbours() == []
        assert device.count("link.up") == device.count("dial.failed") == 0
        assert device.status()["sent_frames"] < 20


async def test_hints_make_a_mesh_of_a_star(autojump_clock, tmp_path, rng):
    """Everybody knows the hub only; neighbours tell of each other."""
    cluster = Cluster(tmp_path, skewed(rng, 5), mdns=False)
    hub, *others = cluster.devices
    for device in others:
        knows(device, hub)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(30)
        assert [len(device.neighbours()) for device in cluster.devices] == [4] * 5


async def test_a_cut_mesh_grows_together_again(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 5), interval_s=5.0)
    addresses = [device.address for device in cluster.devices]
    async with cluster.open():
        await cluster.start()
        await trio.sleep(60)
        assert len(cluster.groups()) == 1
        cluster.network.partition(addresses[:2], addresses[2:])
        await trio.sleep(120)
        assert sorted(map(len, cluster.groups())) == [2, 3]
        cluster.network.heal()
        await until(lambda: len(list(cluster.live_pairs())) == 10, within_s=300)
        seeded = [device.status()["links_seeded"] for device in cluster.devices]
    assert seeded == [0] * 5


async def test_halves_with_all_the_links_they_want_grow_together(autojump_clock, tmp_path, rng):
    """Nobody lacks a link after the cut, so that only curiosity can mend it."""
    slow = {"interval_s": 100.0, "probe_interval_s": 10.0}
    cluster = Cluster(tmp_path, skewed(rng, 8), view=3, view_max=5, **slow)
    addresses = [device.address for device in cluster.devices]
    async with cluster.open():
        await cluster.start()
        cluster.network.partition(addresses[:4], addresses[4:])
        await trio.sleep(600)
        assert sorted(map(len, cluster.groups())) == [4, 4]
        assert all(len(device.neighbours()) >= 3 for device in cluster.devices)
        cluster.network.heal()
        await until(lambda: len(cluster.groups()) == 1, within_s=1800)
        await trio.sleep(1800)
        assert len(cluster.groups()) == 1
        assert max(len(device.neighbours()) for device in cluster.devices) <= 5


async def test_who_was_held_dead_is_tried_again(autojump_clock, tmp_path, rng, monkeypatch):
    """Halves that lack no link, and are not curious: who died may be back."""
    monkeypatch.setattr(connector, "EXPLORE_S", 1e9)
    cluster = Cluster(tmp_path, skewed(rng, 8), view=3, view_max=5, interval_s=5.0)
    addresses = [device.address for device in cluster.devices]
    async with cluster.open():
        await cluster.start()
        await trio.sleep(30)
        cluster.network.partition(addresses[:4], addresses[4:])
        await until(lambda: sorted(map(len, cluster.groups())) == [4, 4], within_s=300)
        cluster.network.heal()
        await until(lambda: len(cluster.groups()) == 1, within_s=200)
        await until(
            lambda: not any(device.status()["members"]["dead"] for device in cluster.devices),
            within_s=1200,
        )


async def test_a_node_that_loses_power_is_noticed(autojump_clock, tmp_path, rng):
    """No goodbye and no end of a connection: only silence tells."""
    cluster = Cluster(tmp_path, skewed(rng, 3), probe_interval_s=2.0, probe_timeout_s=0.5)
    gone, *others = cluster.devices
    async with cluster.open():
        await cluster.start()
        await trio.sleep(10)
        cluster.network.partition([gone.address], [device.address for device in others])
        await cluster.kill(gone)
        await until(lambda: all(len(d.neighbours()) == 1 for d in others), within_s=40)
        assert any("silent for too long" in reason for reason in others[0].reasons("link.down"))
        cluster.network.heal()
        await cluster.start(gone)
        await until(lambda: len(gone.neighbours()) == 2, within_s=60)
        await trio.sleep(20)
        assert [device.status()["links_seeded"] for device in cluster.devices] == [0] * 3


async def test_idle_links_are_kept_with_pings(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 2), interval_s=1e6)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(3600)
        assert [device.count("link.up") for device in cluster.devices] == [1, 1]
        assert np.ptp([device.status()["sent_frames"] for device in cluster.devices]) < 500


async def test_a_satisfied_node_sleeps(autojump_clock, tmp_path, rng, monkeypatch):
    """With a link to everybody it knows, and still wanting more, it waits for news."""
    from gossipfl.membership.book import AddressBook

    looks = []
    due = AddressBook.due
    monkeypatch.setattr(AddressBook, "due", lambda *args: looks.append(1) or due(*args))
    cluster = Cluster(tmp_path, skewed(rng, 3), interval_s=1e6)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(10)
        looks.clear()
        await trio.sleep(1000)
    assert len(looks) < 100
