"""Every topology, on any ids: what all nodes must agree on."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossipfl.errors import LocalProtocolError
from gossipfl.topologies.links import both_ways, goes_both_ways, listeners
from gossipfl.topologies.named import parse_topology
from gossipfl.topologies.random_regular import RandomRegular
from tests.topologies.matrices import ALL, ONE_WAY, SCHEDULES, STATIC, mixing_matrix, names

ids_sets = st.lists(
    st.text("abcdef0123", min_size=1, max_size=6), min_size=1, max_size=24, unique=True
)
epochs = st.integers(0, 2**40)
few = settings(max_examples=25)


@pytest.mark.parametrize("name", ALL)
@few
@given(ids=ids_sets, epoch=epochs)
def test_weights_are_shares(name: str, ids: list[str], epoch: int) -> None:
    """Rows sum to 1 with a node's own weight, which must not be negative."""
    assert mixing_matrix(parse_topology(name), ids, epoch).min() > -1e-12


@pytest.mark.parametrize("name", [name for name in ALL if name != "el-local:2"])
@few
@given(ids=ids_sets, epoch=epochs)
def test_the_mean_is_conserved(name: str, ids: list[str], epoch: int) -> None:
    matrix = mixing_matrix(parse_topology(name), ids, epoch)
    np.testing.assert_allclose(matrix.sum(axis=0), 1)


@pytest.mark.parametrize("name", [name for name in ALL if name not in ONE_WAY])
@few
@given(ids=ids_sets, epoch=epochs)
def test_both_ends_of_a_link_see_it_alike(name: str, ids: list[str], epoch: int) -> None:
    matrix = mixing_matrix(parse_topology(name), ids, epoch)
    np.testing.assert_array_equal(matrix, matrix.T)


@pytest.mark.parametrize("name", STATIC)
@few
@given(ids=ids_sets, epoch=epochs)
def test_graph_is_connected(name: str, ids: list[str], epoch: int) -> None:
    edges = mixing_matrix(parse_topology(name), ids, epoch) > 1e-12
    reach = np.linalg.matrix_power((edges | np.eye(len(ids), dtype=bool)).astype(float), len(ids))
    assert reach.all()


@pytest.mark.parametrize("name", [*SCHEDULES, "el-local:2"])
@few
@given(size=st.integers(2, 24), start=st.integers(0, 1000))
def test_a_schedule_connects_in_time(name: str, size: int, start: int) -> None:
    """Whoever starts to listen in the middle of it has heard of all after some rounds."""
    topology, ids = parse_topology(name), names(size)
    known = np.eye(size)
    for epoch in range(start, start + 100):
        known = (mixing_matrix(topology, ids, epoch) @ known > 1e-12).astype(float)
    assert known.all()


@pytest.mark.parametrize("name", [*SCHEDULES, "el-local:2"])
@few
@given(size=st.integers(1, 24), epoch=epochs)
def test_a_period_is_one(name: str, size: int, epoch: int) -> None:
    topology, ids = parse_topology(name), names(size)
    period = topology.period(size)
    if period:
        same = mixing_matrix(topology, ids, epoch + period)
        np.testing.assert_array_equal(mixing_matrix(topology, ids, epoch), same)
    else:
        drawn = {mixing_matrix(topology, ids, epoch + i).tobytes() for i in range(12)}
        assert len(drawn) > 1


@pytest.mark.parametrize("name", ALL)
@few
@given(ids=ids_sets, epoch=epochs, shuffle=st.randoms(use_true_random=False))
def test_order_of_ids_does_not_matter(
    name: str, ids: list[str], epoch: int, shuffle: random.Random
) -> None:
    topology = parse_topology(name)
    other = [*ids, ids[-1]]
    shuffle.shuffle(other)
    assert topology.neighbours(ids, ids[0], epoch) == topology.neighbours(other, ids[0], epoch)


@pytest.mark.parametrize("name", ALL)
def test_neighbours_are_rows_in_id_order_without_ourselves(name: str) -> None:
    topology, ids = parse_topology(name), names(16)
    for i, own in enumerate(ids):
        found = {n.id: n.weight for n in topology.neighbours(ids, own, 1)}
        assert list(found) == sorted(set(found) - {own})
        assert list(found.values()) == list(topology.rows(tuple(ids), 1)[i].values())


@pytest.mark.parametrize("name", ALL)
@few
@given(size=st.integers(1, 40), epoch=epochs)
def test_rows_and_adjacency_agree(name: str, size: int, epoch: int) -> None:
    topology, ids = parse_topology(name), tuple(names(size))
    adjacency = topology.adjacency(ids, epoch)
    assert [list(row) for row in topology.rows(ids, epoch)] == [list(row) for row in adjacency]
    assert goes_both_ways(adjacency) or name in ONE_WAY
    turned = listeners(adjacency)
    assert listeners(turned) == [list(row) for row in adjacency]
    assert both_ways(adjacency) == both_ways(turned)


@pytest.mark.parametrize("name", ALL)
def test_alone_there_is_nobody(name: str) -> None:
    assert parse_topology(name).neighbours(["me"], "me", 0) == ()


@pytest.mark.parametrize("name", ALL)
def test_own_id_must_be_a_member(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="not among"):
        parse_topology(name).neighbours(["a", "b"], "c", 0)


def test_islands_meet_in_the_second_epoch() -> None:
    ids = names(16)
    apart, met = (mixing_matrix(parse_topology("islands:4"), ids, epoch) > 0 for epoch in (0, 1))
    assert not apart[:8, 8:].any()
    assert np.linalg.matrix_power(apart.astype(int), 8)[:8, :8].all()
    assert met[:8, 8:].sum() >= 8
    assert (met | ~apart).all()
    np.testing.assert_array_equal(met, mixing_matrix(parse_topology("islands:4"), ids, 9) > 0)


DRAWN = ["random:4", "erdos-renyi:4", "small-world", "scale-free", "clusters", "equidyn"]


@pytest.mark.parametrize("name", [*DRAWN, "matching", "el-oracle", "el-local"])
def test_draws_change_with_epoch_and_seed_only(name: str) -> None:
    ids = names(50)
    first, again, epoch, seed = (
        mixing_matrix(parse_topology(name, seed), ids, epoch)
        for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != epoch).any()
    assert (first != seed).any()


FROZEN = {
    "random:3": "bdf adf egh abe cdg abh ceh cfg",
    "erdos-renyi:3": "cg h adegh cgh c g acdfh bcdg",
    "small-world:4:0.5": "beh acd bdf bcefg adfgh cdegh defh aefg",
    "scale-free:2": "bcgh adefg af bh bg bcgh abef adf",
    "clusters:2": "bcd acd abd abce dfgh egh efh efg",
    "equidyn": "e f g h a b c d",
    "matching": "b a g f h d c e",
    "el-local:2": "bdh cg e afg ac e h bdf",
}


@pytest.mark.parametrize("name", FROZEN)
def test_drawings_are_frozen(name: str) -> None:
    """Nodes of different releases must agree on a graph, so its construction may never change."""
    ids = list("abcdefgh")
    topology = parse_topology(name, seed=5)
    drawn = ["".join(n.id for n in topology.neighbours(ids, own, 9)) for own in ids]
    assert " ".join(row or "-" for row in drawn) == FROZEN[name]


def test_random_graph_has_a_wide_spectral_gap() -> None:
    """Second eigenvalue of 4 random neighbours among 200, against 0.9997 on the ring."""
    eigenvalues = np.linalg.eigvalsh(mixing_matrix(RandomRegular(4), names(200)))
    assert eigenvalues[-2] < 0.93
    assert eigenvalues[0] > -0.93
