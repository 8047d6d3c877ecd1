"""Distances, resistances and what failures leave, where they are known."""

import numpy as np
import pytest

from gossipfl.topologies.members import member_ids
from gossipfl.topologies.mixing import Mixing
from gossipfl.topologies.named import parse_topology
from gossipfl.topologies.resilience import (
    after_random_failures,
    after_targeted_failures,
    distances,
    largest_component,
    resistance,
    rounds_to_hear,
    union,
)
from gossipfl.topologies.summary import FAILURES, summarise


def mixing(name: str, size: int) -> Mixing:
    return Mixing(parse_topology(name), member_ids(size))


@pytest.mark.parametrize("name", ["ring", "line", "tree:3", "grid", "torus", "hypercube", "random"])
def test_hearing_of_all_takes_the_diameter(name: str) -> None:
    found = mixing(name, 30)
    assert rounds_to_hear(found) == distances(union(found)).max()


@pytest.mark.parametrize(("name", "rounds"), [("one-peer", 5), ("base:2", 5), ("exponential", 5)])
def test_powers_of_two_spread_in_their_logarithm(name: str, rounds: int) -> None:
    assert rounds_to_hear(mixing(name, 32)) == rounds


def test_islands_never_hear_of_each_other() -> None:
    apart = mixing("islands:2", 12)
    assert rounds_to_hear(apart) == np.inf
    assert resistance(apart) == np.inf
    assert np.isinf(distances(union(apart))).sum() == 2 * 6 * 6


def test_resistances_in_series_and_parallel() -> None:
    """Links of rings and lines conduct by 1/3; in a ring k hops and n - k are in parallel."""
    ring = [3 * k * (10 - k) / 10 for k in range(1, 10)]
    assert resistance(mixing("ring", 10)) == pytest.approx(np.mean(ring))
    line = [3 * (j - i) for i in range(6) for j in range(i + 1, 6)]
    assert resistance(mixing("line", 6)) == pytest.approx(np.mean(line))
    assert resistance(mixing("complete", 8)) == pytest.approx(2)
    assert resistance(mixing("ring", 1)) == 0


def test_components_of_a_cut_line() -> None:
    line = union(mixing("line", 10))
    assert largest_component(line, {}) == 1
    assert largest_component(line, {3}) == 6 / 9
    assert largest_component(line, set(range(10))) == 1


def test_a_star_does_not_survive_its_hub() -> None:
    star = union(mixing("star", 20))
    assert after_targeted_failures(star, 0.05) == 1 / 19
    assert after_random_failures(star, 0.1) > 0.8
    assert after_targeted_failures(union(mixing("complete", 20)), 0.9) == 1


def test_a_random_graph_survives_where_a_ring_does_not() -> None:
    ring, drawn = (union(mixing(name, 100)) for name in ("ring", "random:4"))
    assert after_random_failures(ring, 0.3) < 0.3
    assert after_random_failures(drawn, 0.3) > 0.95


def test_a_schedule_holds_together_by_all_its_rounds() -> None:
    found = mixing("one-peer", 20)
    assert [len(near) for near in union(found)] == [
        8
    ] * 20  # 1, 2, 4 and 8 places both ways; 16 are 4
    assert found.window == 5


def test_summary_of_a_ring() -> None:
    found = summarise(mixing("ring", 20), 1e-6)
    assert (found.period, found.hears_all) == (1, 10)
    assert (found.peers_min, found.peers_mean, found.peers_max) == (2, 2, 2)
    assert found.sent == 2 * found.rounds == 2 * mixing("ring", 20).rounds_to(1e-6)
    assert len(found.random) == len(found.targeted) == len(FAILURES)


def test_summary_counts_sends_not_listeners() -> None:
    """In EL-Local everybody sends to as many, but hears others."""
    found = summarise(mixing("el-local:3", 30), 1e-3)
    assert (found.sends_mean, found.sends_max) == (3, 3)
