"""Mixing weights: what each kind conserves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError
from gossipfl.topologies.named import parse_topology
from gossipfl.topologies.weights import NAMES, Rows, weigh
from tests.topologies.matrices import names


def matrix_of(rows: Rows) -> np.ndarray:
    matrix = np.zeros((len(rows), len(rows)))
    for i, row in enumerate(rows):
        for j, weight in row.items():
            matrix[i, j] = weight
        matrix[i, i] = 1 - matrix[i].sum()
    return matrix


def weighed(name: str, topology: str, samples: list[int]) -> np.ndarray:
    ids = tuple(names(len(samples)))
    return matrix_of(weigh(name, parse_topology(topology).rows(ids, 0), samples))


counts = st.lists(st.integers(1, 1000), min_size=1, max_size=20)


@pytest.mark.parametrize("topology", ["star", "scale-free", "small-world"])
@given(samples=counts)
def test_samples_conserve_the_mean_over_samples(topology: str, samples: list[int]) -> None:
    matrix = weighed("samples", topology, samples)
    np.testing.assert_allclose(np.array(samples) @ matrix, samples)
    assert matrix.min() > -1e-12


@given(samples=counts)
def test_equal_samples_are_metropolis(samples: list[int]) -> None:
    equal = [7] * len(samples)
    first, second = (weighed(name, "scale-free", equal) for name in ("samples", "metropolis"))
    np.testing.assert_allclose(first, second)


def test_uniform_weights_are_means_of_what_is_heard() -> None:
    matrix = weighed("uniform", "star", [1] * 5)
    np.testing.assert_allclose(matrix[0], 1 / 5)
    np.testing.assert_allclose(matrix[1], [1 / 2, 1 / 2, 0, 0, 0])
    assert matrix.sum(axis=0)[0] > 2  # the hub's model gains what the others lose


def test_own_weights_are_left_alone() -> None:
    rows = parse_topology("base:2").rows(tuple(names(6)), 3)
    assert weigh("own", rows, []) is rows


@pytest.mark.parametrize("topology", ["exponential", "one-peer", "el-local"])
def test_samples_take_links_that_go_both_ways(topology: str) -> None:
    with pytest.raises(ConfigError, match="go both ways"):
        weighed("samples", topology, [1] * 20)


def test_unknown_weights_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'uniform'"):
        weigh("unifrom", [{}], [1])
    assert len(NAMES) == 4
