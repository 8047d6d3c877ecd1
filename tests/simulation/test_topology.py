"""Nodes that follow a topology: the links that it says, also when some are gone."""

from itertools import pairwise

import attrs
import pytest
import trio

from gossipfl.errors import ConfigError
from gossipfl.node.course import Course, parse_course
from gossipfl.topologies.links import both_ways
from gossipfl.topologies.named import parse_topology
from tests.simulation.cluster import MANIFEST, Cluster, until
from tests.simulation.device import Device
from tests.simulation.readings import skewed


def expected(name: str, devices: list[Device], seed: int = 0) -> dict[str, list[str]]:
    """Neighbours by name, from the ids that the nodes announce."""
    order = sorted(devices, key=lambda device: device.running.instance)
    ids = tuple(device.running.instance for device in order)
    links = both_ways(parse_topology(name, seed).adjacency(ids, 0))
    return {
        device.name: sorted(order[j].name for j in row)
        for device, row in zip(order, links, strict=True)
    }


def linked(devices: list[Device]) -> dict[str, list[str]]:
    return {device.name: sorted(device.neighbours()) for device in devices}


@pytest.mark.parametrize("name", ["star", "torus", "exponential"])
async def test_links_are_those_of_the_topology(autojump_clock, tmp_path, rng, name: str):
    cluster = Cluster(tmp_path, skewed(rng, 9), topology=name, view=2, view_max=2)
    async with cluster.open():
        await cluster.start()
        wanted = expected(name, cluster.devices)
        await until(lambda: linked(cluster.devices) == wanted, within_s=60)
        await trio.sleep(10)
        assert linked(cluster.devices) == wanted
        assert min(device.status()["exchanges"] for device in cluster.devices) > 5


async def test_those_that_are_left_close_the_ring(autojump_clock, tmp_path, rng):
    """One says goodbye, another crashes; it is taken in again when it is back."""
    quick = {"probe_interval_s": 2.0, "probe_timeout_s": 0.5}
    cluster = Cluster(tmp_path, skewed(rng, 8), topology="ring", **quick)
    leaving, crashing, *staying = cluster.devices
    async with cluster.open():
        await cluster.start()
        await until(lambda: linked(cluster.devices) == expected("ring", cluster.devices),
                    within_s=60)  # fmt: skip
        await cluster.stop(leaving)
        await until(lambda: linked([crashing, *staying]) == expected("ring", [crashing, *staying]),
                    within_s=120)  # fmt: skip
        cluster.network.partition([crashing.address], [each.address for each in staying])
        await cluster.kill(crashing)
        await until(lambda: linked(staying) == expected("ring", staying), within_s=300)
        assert len(cluster.groups()) == 1
        cluster.network.heal()
        await cluster.start(crashing)
        everybody = [crashing, *staying]
        await until(lambda: linked(everybody) == expected("ring", everybody), within_s=300)


async def test_a_schedule_says_whom_to_mix_with_in_each_round(autojump_clock, tmp_path, rng):
    """Base-2 of six: every node meets some peer in a period, and never one that is not in it."""
    cluster = Cluster(tmp_path, skewed(rng, 6), topology="base:2", interval_s=2.0)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(60)
        ids = tuple(sorted(device.running.instance for device in cluster.devices))
        topology = parse_topology("base:2")
        near = [topology.adjacency(ids, epoch) for epoch in range(topology.period(6))]
        for device in cluster.devices:
            place = ids.index(device.running.instance)
            partners = {j for rows in near for j in rows[place]}
            assert len(device.neighbours()) == len(partners)
            assert device.status()["exchanges"] > 10


async def test_seeds_of_drawn_graphs_are_the_clusters(autojump_clock, tmp_path, rng):
    manifest = attrs.evolve(MANIFEST, seed=7)
    cluster = Cluster(tmp_path, skewed(rng, 12), manifest=manifest, topology="random:4")
    async with cluster.open():
        await cluster.start()
        wanted = expected("random:4", cluster.devices, seed=7)
        await until(lambda: linked(cluster.devices) == wanted, within_s=60)


async def test_one_known_address_leads_to_all(autojump_clock, tmp_path, rng):
    """Without multicast: members tell of each other, ids and all."""
    cluster = Cluster(tmp_path, skewed(rng, 6), topology="ring", mdns=False)
    first, *others = cluster.devices
    for device in others:
        device.config = attrs.evolve(device.config, peer=(first.address,))
    async with cluster.open():
        await cluster.start()
        await until(lambda: len(cluster.groups()) == 1, within_s=300)


def test_a_course_turns_with_the_epoch_and_with_who_is_live():
    live, now = dict.fromkeys("bcd", "lamp"), [0]
    course = Course(parse_topology("one-peer"), ("a", "lamp"), lambda: live, lambda: now[0])
    found = []
    for _ in range(3):
        found.append([id for id in "bcd" if course.is_turn(id)])
        now[0] += 1
    assert found == [["d"], ["c"], ["d"]]
    assert all(course.wants(id) for id in "bcd")
    del live["d"]
    now[0] = 0
    assert [course.is_turn(id) for id in "bcd"] == [False, True, False]
    assert course.wants("d"), "who is gone may be back: it is tried now and then"
    live.update(dict.fromkeys("efghijklm", "lamp"))
    ring = Course(parse_topology("ring"), ("a", "lamp"), lambda: live, lambda: 0)
    assert [id for id in sorted(live) if ring.wants(id)] == ["b", "m"]


def test_without_a_topology_everybody_will_do():
    course = Course(parse_course(None, "lamp", 0), ("a", "lamp"), dict, lambda: 0)
    assert course.is_free
    assert course.wants("b")
    assert course.is_turn("b")


async def test_an_edge_list_names_devices(autojump_clock, tmp_path, rng):
    """One that is gone is bridged by its neighbours; one that nothing names says so."""
    cluster = Cluster(tmp_path, skewed(rng, 6))
    names = [device.name for device in cluster.devices]
    path = tmp_path / "line.csv"
    path.write_text("\n".join(f"{one},{other}" for one, other in pairwise(names)))
    for device in cluster.devices:
        device.config = attrs.evolve(device.config, topology=f"edges:{path}")
    leaving = cluster.devices[2]
    async with cluster.open():
        await cluster.start()
        wanted = {name: [] for name in names}
        for one, other in pairwise(names):
            wanted[one].append(other)
            wanted[other].append(one)
        wanted = {name: sorted(near) for name, near in wanted.items()}
        await until(lambda: linked(cluster.devices) == wanted, within_s=60)
        await cluster.stop(leaving)
        staying = [device for device in cluster.devices if device is not leaving]
        bridged = wanted | {names[1]: [names[0], names[3]], names[3]: [names[1], names[4]]}
        del bridged[leaving.name]
        await until(lambda: linked(staying) == bridged, within_s=120)


def test_a_name_given_twice_stands_for_both(tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text("lamp,7\n7,door\n")
    live = {"b": "7", "c": "7", "d": "door"}
    topology = parse_course(f"edges:{path}", "lamp", 0)
    course = Course(topology, ("a", "lamp"), lambda: live, lambda: 0)
    assert [id for id in live if course.wants(id)] == ["b", "c"]


def test_a_node_must_be_in_its_edge_list(tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text("\n".join(f"{i},{j}" for i, j in pairwise(range(5))))
    with pytest.raises(ConfigError, match="this node, lamp, is not in it"):
        parse_course(f"edges:{path}", "lamp", 0)
    with pytest.raises(ConfigError, match="did you mean 'ring'"):
        parse_course("rign", "lamp", 0)
