"""Measures of mixing against values that are known in closed form, and against mixing itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossipfl.topologies.edge_list import EdgeList
from gossipfl.topologies.members import member_ids
from gossipfl.topologies.mixing import Mixing
from gossipfl.topologies.named import parse_topology


def mixing(name: str, size: int, weights: str = "own") -> Mixing:
    return Mixing(parse_topology(name), member_ids(size), weights)


@pytest.mark.parametrize("size", [5, 12, 31])
def test_gap_of_a_ring(size: int) -> None:
    """Eigenvalues are (1 + 2 cos(2 pi k / n)) / 3."""
    slowest = max(abs(1 + 2 * math.cos(2 * math.pi * k / size)) / 3 for k in range(1, size))
    assert mixing("ring", size).gap() == pytest.approx(1 - slowest, abs=1e-12)


def test_gap_of_a_hypercube() -> None:
    """2 / (log2 n + 1), as every node weighs log2 n neighbours and itself alike."""
    assert mixing("hypercube", 32).gap() == pytest.approx(2 / 6)


def test_gap_of_the_exponential_graph() -> None:
    """2 / (1 + ceil(log2 n)) for even n (Ying et al. 2021, proposition 1)."""
    for size in (16, 24, 50):
        found = mixing("exponential", size).gap()
        assert found == pytest.approx(2 / (1 + math.ceil(math.log2(size))))


@pytest.mark.parametrize("name", ["complete", "base:2", "base:3"])
def test_exact_consensus_has_a_gap_of_one(name: str) -> None:
    assert mixing(name, 30).gap() == 1
    assert mixing(name, 30).rounds_to(1e-18) == mixing(name, 30).period


def test_islands_never_agree() -> None:
    apart = mixing("islands:4", 20)
    assert apart.gap() == pytest.approx(0, abs=1e-9)
    assert apart.rounds_to(1e-3) == math.inf


@settings(max_examples=30)
@given(
    name=st.sampled_from(["ring", "star", "torus", "one-peer", "base:2", "matching", "el-local:2"]),
    size=st.integers(2, 24),
    share=st.sampled_from([0.37, 1e-2, 1e-5]),
)
def test_rounds_are_the_first_that_leave_so_little(name: str, size: int, share: float) -> None:
    found = mixing(name, size)
    left = found.disagreements()
    by_walking = next(rounds for rounds, now in enumerate(left, 1) if now <= share)
    assert found.rounds_to(share) == by_walking


def test_disagreement_is_the_mean_variance_of_what_is_mixed() -> None:
    found, values = mixing("one-peer", 25), np.random.default_rng(1).normal(size=(25, 4000))
    start = values.var(axis=0).mean()
    for epoch, expected in zip(range(9), found.disagreements(), strict=False):
        values = found.matrix(epoch) @ values
        assert values.var(axis=0).mean() / start == pytest.approx(expected, rel=0.05)


def test_one_alone_agrees_with_itself() -> None:
    alone = mixing("ring", 1)
    assert (alone.gap(), alone.rounds_to(1e-6)) == (1, 0)


def test_a_graph_that_stays_is_asked_for_one_epoch_only() -> None:
    """Islands would meet in the second."""
    found = mixing("islands:4", 20)
    np.testing.assert_array_equal(found.matrix(0), found.matrix(7))


def test_weights_can_be_chosen() -> None:
    uniform = mixing("star", 6, "uniform").matrix(0)
    np.testing.assert_allclose(uniform[0], 1 / 6)
    line = Mixing(EdgeList([("a", "b"), ("b", "c")]), ("a", "b", "c"), "samples", [1, 2, 1])
    np.testing.assert_allclose(np.array([1, 2, 1]) @ line.matrix(0), [1, 2, 1])
