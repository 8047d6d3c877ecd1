"""Every topology, on any ids: symmetric, connected, doubly stochastic, the same for all."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gossipfl.errors import ConfigError, LocalProtocolError
from gossipfl.topologies.base import Topology
from gossipfl.topologies.named import parse_topology
from gossipfl.topologies.random_regular import RandomRegular

CONNECTED = ["complete", "ring", "star", "random:2", "random:3", "random:4", "random:5"]

ids_sets = st.lists(
    st.text("abcdef0123", min_size=1, max_size=6), min_size=1, max_size=24, unique=True
)


def mixing_matrix(topology: Topology, ids: list[str], epoch: int = 0) -> NDArray[np.float64]:
    order = sorted(ids)
    matrix = np.zeros((len(order), len(order)))
    for i, own in enumerate(order):
        for neighbour in topology.neighbours(ids, own, epoch):
            matrix[i, order.index(neighbour.id)] = neighbour.weight
        matrix[i, i] = 1 - matrix[i].sum()
    return matrix


@pytest.mark.parametrize("name", [*CONNECTED, "random:1"])
@given(ids=ids_sets, epoch=st.integers(0, 2**40))
def test_mixing_matrix_is_symmetric_and_doubly_stochastic(
    name: str, ids: list[str], epoch: int
) -> None:
    matrix = mixing_matrix(parse_topology(name), ids, epoch)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_allclose(matrix.sum(axis=0), 1)
    assert matrix.min() > -1e-12


@pytest.mark.parametrize("name", CONNECTED)
@given(ids=ids_sets, epoch=st.integers(0, 2**40))
def test_graph_is_connected(name: str, ids: list[str], epoch: int) -> None:
    edges = mixing_matrix(parse_topology(name), ids, epoch) > 1e-12
    reach = np.linalg.matrix_power((edges | np.eye(len(ids), dtype=bool)).astype(float), len(ids))
    assert reach.all()


@pytest.mark.parametrize("name", CONNECTED)
@given(ids=ids_sets, shuffle=st.randoms(use_true_random=False))
def test_order_of_ids_does_not_matter(name: str, ids: list[str], shuffle: random.Random) -> None:
    topology = parse_topology(name)
    other = list(ids)
    shuffle.shuffle(other)
    assert topology.neighbours(ids, ids[0], 3) == topology.neighbours(other, ids[0], 3)


@pytest.mark.parametrize("name", CONNECTED)
def test_neighbours_come_in_id_order_without_ourselves(name: str) -> None:
    ids = [f"{i:02d}" for i in range(16)]
    for own in ids:
        found = [neighbour.id for neighbour in parse_topology(name).neighbours(ids, own, 1)]
        assert found == sorted(set(found) - {own})


@pytest.mark.parametrize("name", CONNECTED)
def test_alone_there_is_nobody(name: str) -> None:
    assert parse_topology(name).neighbours(["me"], "me", 0) == ()


def test_islands_meet_in_the_second_epoch() -> None:
    ids = [f"{i:02d}" for i in range(16)]
    apart, met = (mixing_matrix(parse_topology("islands:4"), ids, epoch) > 0 for epoch in (0, 1))
    assert not apart[:8, 8:].any()
    assert np.linalg.matrix_power(apart.astype(int), 8)[:8, :8].all()
    assert met[:8, 8:].sum() >= 8
    assert (met | ~apart).all()
    np.testing.assert_array_equal(met, mixing_matrix(parse_topology("islands:4"), ids, 9) > 0)


def test_degrees() -> None:
    ids = [f"{i:03d}" for i in range(100)]

    def degrees(name: str, members: list[str] = ids) -> set[int]:
        topology = parse_topology(name)
        return {len(topology.neighbours(members, own, 7)) for own in members}

    assert degrees("complete") == {99}
    assert degrees("ring") == {2}
    assert degrees("star") == {1, 99}
    assert degrees("random:4") == {4}
    assert degrees("random:5") == {5}
    assert degrees("random:5", ids[:99]) == {4}, (
        "no graph of odd degree on an odd number of members"
    )


def test_random_graphs_change_with_epoch_and_seed_only() -> None:
    ids = [f"{i:03d}" for i in range(50)]
    first = RandomRegular(4, seed=1).neighbours(ids, "000", 0)
    assert first == RandomRegular(4, seed=1).neighbours(ids, "000", 0)
    assert first != RandomRegular(4, seed=1).neighbours(ids, "000", 1)
    assert first != RandomRegular(4, seed=2).neighbours(ids, "000", 0)


def test_random_graph_is_frozen() -> None:
    """Nodes of different releases must agree on the graph, so its construction may never change."""
    ids = list("abcdefgh")
    drawn = [[n.id for n in RandomRegular(3, seed=5).neighbours(ids, own, 9)] for own in ids]
    assert " ".join("".join(row) for row in drawn) == "def cgh bdh acf afg ade beh bcg"


def test_random_graph_has_a_wide_spectral_gap() -> None:
    """Second eigenvalue of 4 random neighbours among 200, against 0.9997 on the ring."""
    ids = [f"{i:03d}" for i in range(200)]
    eigenvalues = np.linalg.eigvalsh(mixing_matrix(parse_topology("random:4"), ids))
    assert eigenvalues[-2] < 0.93
    assert eigenvalues[0] > -0.93


def test_own_id_must_be_a_member() -> None:
    for name in CONNECTED:
        with pytest.raises(LocalProtocolError, match="not among"):
            parse_topology(name).neighbours(["a", "b"], "c", 0)


@pytest.mark.parametrize(
    "text", ["", "torus", "random", "random:", "random:0", "random:-1", "ring:2"]
)
def test_unknown_names_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="random:4"):
        parse_topology(text)
