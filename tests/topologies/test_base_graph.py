"""Exact consensus in as many rounds as promised, with as few peers as promised."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossipfl.topologies.base_graph import BaseGraph
from tests.topologies.matrices import mixing_matrix, names


@settings(max_examples=60)
@given(size=st.integers(2, 120), base=st.integers(2, 6))
def test_consensus_is_exact(size: int, base: int) -> None:
    topology, ids = BaseGraph(base), names(size)
    period, product = topology.period(size), np.eye(size)
    assert period <= 2 * math.log(size, base) + 2
    for epoch in range(period):
        matrix = mixing_matrix(topology, ids, epoch)
        assert np.count_nonzero(matrix - np.diag(np.diag(matrix)), axis=1).max() <= base - 1
        product = matrix @ product
    np.testing.assert_allclose(product, 1 / size, atol=1e-12)


@pytest.mark.parametrize(
    ("size", "length"), [(1, 1), (2, 1), (5, 5), (25, 9), (32, 5), (96, 8), (100, 11), (300, 15)]
)
def test_lengths_of_base_2(size: int, length: int) -> None:
    """25, 32, 96, 100 and 300: as an independent construction of the paper's graph has them."""
    assert BaseGraph(2).period(size) == length


def test_a_period_is_exact_from_anywhere_in_the_schedule_on() -> None:
    """Whoever missed its start waits for the next one: less than two periods in all."""
    topology, ids, size = BaseGraph(2), names(25), 25
    values = np.random.default_rng(0).normal(size=size)
    for start in range(topology.period(size)):
        mixed = values
        for epoch in range(start, start + 2 * topology.period(size)):
            mixed = mixing_matrix(topology, ids, epoch) @ mixed
        np.testing.assert_allclose(mixed, values.mean(), atol=1e-12)
