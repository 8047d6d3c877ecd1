"""Shapes that are known: degrees, distances, corners."""

import numpy as np
import pytest
from numpy.typing import NDArray

from gossipfl.topologies.named import parse_topology
from tests.topologies.matrices import links, names


def degrees(name: str, size: int = 100) -> set[int]:
    return set(map(len, parse_topology(name).adjacency(tuple(names(size)), epoch=7)))


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("complete", 100, {99}),
        ("ring", 100, {2}),
        ("line", 100, {1, 2}),
        ("star", 100, {1, 99}),
        ("tree", 100, {1, 2, 3}),
        ("tree:4", 100, {1, 4, 5}),
        ("grid", 100, {2, 3, 4}),
        ("torus", 100, {4}),
        ("torus", 97, {4}),
        ("hypercube", 64, {6}),
        ("random:4", 100, {4}),
        ("random:5", 100, {5}),
        ("random:5", 99, {4}),  # no graph of odd degree has an odd number of members
        ("exponential", 64, {6}),
        ("exponential", 100, {7}),
        ("one-peer", 100, {1}),
        ("base:3", 81, {2}),
        ("equidyn", 100, {0, 1}),
        ("matching", 100, {1}),
        ("matching", 99, {0, 1}),
        ("el-oracle:4", 100, {4}),
    ],
)
def test_degrees(name: str, size: int, expected: set[int]) -> None:
    assert degrees(name, size) == expected


def distances(name: str, size: int) -> NDArray[np.float64]:
    far = np.full((size, size), np.inf)
    for one, other in links(parse_topology(name), names(size)):
        far[int(one), int(other)] = 1
    np.fill_diagonal(far, 0)
    for middle in range(size):
        far = np.minimum(far, far[:, [middle]] + far[[middle]])
    return far


@pytest.mark.parametrize(
    ("name", "size", "diameter"),
    [
        ("complete", 20, 1),
        ("ring", 20, 10),
        ("line", 20, 19),
        ("star", 20, 2),
        ("tree", 31, 8),
        ("grid", 36, 10),
        ("grid:2", 20, 10),
        ("torus", 36, 5),
        ("hypercube", 32, 5),
        ("exponential", 32, 5),
    ],
)
def test_diameters(name: str, size: int, diameter: int) -> None:
    assert distances(name, size).max() == diameter


def test_a_share_of_a_small_world_is_rewired() -> None:
    ids = names(400)
    ring = links(parse_topology("small-world:6:0"), ids)
    for share in (0.1, 0.5, 1.0):
        kept = ring & links(parse_topology(f"small-world:6:{share}"), ids)
        assert len(kept) / len(ring) == pytest.approx(1 - share * 2 / 3, abs=0.05)
    assert distances("small-world:6:0.2", 400).max() < distances("small-world:6:0", 400).max() / 4


def test_a_scale_free_graph_has_hubs() -> None:
    """The largest degree grows like the square root of n, far from the mean of 4."""
    found = sorted(degrees("scale-free:2", 400))
    assert found[0] == 2
    assert found[-1] > 25


@pytest.mark.parametrize("degree", [3, 12])
def test_mean_degree_of_chance(degree: int) -> None:
    found = len(links(parse_topology(f"erdos-renyi:{degree}"), names(400))) / 400
    assert found == pytest.approx(degree, rel=0.1)


def test_bridges_between_clusters() -> None:
    ids = names(40)
    for bridges in (1, 3):
        found = links(parse_topology(f"clusters:4:{bridges}"), ids)
        across = [(int(i) // 10, int(j) // 10) for i, j in found if int(i) // 10 != int(j) // 10]
        assert sorted(set(across)) == [(i, j) for i in range(4) for j in range(4) if i != j]
        assert len(across) == 12 * bridges


def test_one_peer_goes_through_the_powers_of_two() -> None:
    topology, ids = parse_topology("one-peer"), names(20)
    taken = [[int(n.id) for n in topology.neighbours(ids, "000", epoch)] for epoch in range(6)]
    assert taken == [[19], [18], [16], [12], [4], [19]]


def test_everybody_sends_to_as_many_in_epidemic_learning() -> None:
    found = links(parse_topology("el-local:3"), names(50), epoch=4)
    senders = [sender for _, sender in found]
    assert {senders.count(name) for name in names(50)} == {3}
    assert len({taker for taker, _ in found}) < 50 or len(found) == 150
