"""Places that show the shape of a graph."""

import numpy as np
import pytest

from gossipfl.topologies.layout import Places, circle, spread_out
from gossipfl.topologies.members import member_ids
from gossipfl.topologies.mixing import Mixing
from gossipfl.topologies.named import parse_topology
from gossipfl.topologies.resilience import Graph, union


def graph(name: str, size: int) -> Graph:
    return union(Mixing(parse_topology(name), member_ids(size)))


def lengths(places: Places) -> np.ndarray:
    return np.linalg.norm(places[:, None] - places[None], axis=2)


def test_a_circle_begins_on_top_and_goes_clockwise() -> None:
    np.testing.assert_allclose(circle(4), [[0, -1], [1, 0], [0, 1], [-1, 0]], atol=1e-12)


@pytest.mark.parametrize("name", ["ring", "line", "grid", "random", "star", "tree", "clusters"])
def test_links_are_short_and_nobody_lies_on_another(name: str) -> None:
    near = graph(name, 24)
    far = lengths(spread_out(near))
    linked = np.array([[j in near[i] for j in range(24)] for i in range(24)])
    others = ~linked & ~np.eye(24, dtype=bool)
    assert far[linked].mean() < 0.8 * far[others].mean()
    assert far[~np.eye(24, dtype=bool)].min() > 0.02
    assert np.abs(spread_out(near)).max() == pytest.approx(1)


def test_a_ring_becomes_a_circle() -> None:
    places = spread_out(graph("ring", 16))
    radii = np.linalg.norm(places - places.mean(axis=0), axis=1)
    assert radii.std() < 0.02 * radii.mean()


def test_islands_lie_side_by_side() -> None:
    places = spread_out(graph("islands:4", 20))
    within = lengths(places[:10]).max()
    between = np.linalg.norm(places[:10].mean(axis=0) - places[10:].mean(axis=0))
    assert between > within / 2


def test_equal_graphs_are_drawn_alike_and_one_alone_can_be() -> None:
    np.testing.assert_array_equal(spread_out(graph("random", 12)), spread_out(graph("random", 12)))
    assert spread_out(graph("ring", 1)).shape == (1, 2)
