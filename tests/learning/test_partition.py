"""Partitions are disjoint, cover all rows, and leave nobody without."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError
from gossipfl.learning.partition import partition, split_table


def targets_of(rows, classes):
    return np.arange(rows) % classes


@given(
    st.sampled_from(["iid", "dirichlet:0.01", "dirichlet:0.5", "dirichlet:100"]),
    st.integers(1, 300),
    st.integers(1, 12),
    st.integers(1, 20),
    st.integers(0, 2**32 - 1),
)
def test_every_row_has_one_node_and_every_node_has_rows(spec, rows, classes, nodes, seed):
    nodes = min(nodes, rows)
    parts = partition(spec, targets_of(rows, classes), None, nodes, np.random.default_rng(seed))
    assert len(parts) == nodes
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(rows))
    assert min(map(len, parts)) >= min(10, rows // nodes)
    assert all((np.diff(part) > 0).all() and part.dtype == np.int64 for part in parts)


def test_smaller_alpha_is_more_skewed():
    targets = targets_of(4000, 10)
    purity = []
    for spec in ("dirichlet:0.05", "dirichlet:1", "iid"):
        parts = partition(spec, targets, None, 8, np.random.default_rng(0))
        shares = [np.bincount(targets[part], minlength=10).max() / len(part) for part in parts]
        purity.append(np.mean(shares))
    assert purity[0] > purity[1] > purity[2]


def test_by_group_gives_each_wearer_a_node():
    groups = np.array(["ann", "bob", "ann", "cy"])
    parts = partition("by-group", np.zeros(4, np.int64), groups, 3, np.random.default_rng(0))
    assert [part.tolist() for part in parts] == [[0, 2], [1], [3]]


def test_values_are_shared_out_at_random_only():
    values = np.zeros((20, 1), np.float32)
    assert len(partition("iid", values, None, 2, np.random.default_rng(0))) == 2
    with pytest.raises(ConfigError, match="needs classes"):
        partition("dirichlet:1", values, None, 2, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("spec", "groups", "nodes", "message"),
    [
        ("", None, 2, "a partition is iid"),
        ("dirichlet", None, 2, "a partition is"),
        ("dirichlet:0", None, 2, "ALPHA"),
        ("dirichlet:nan", None, 2, "ALPHA"),
        ("dirichlet:x", None, 2, "ALPHA"),
        ("by-group", None, 2, "a group for every row"),
        ("by-group", np.arange(3), 2, "a group for every row"),
        ("by-group", np.arange(4), 2, "4 groups: use as many nodes, not 2"),
        ("iid", None, 0, "0 nodes"),
        ("iid", None, 5, "4 rows cannot"),
    ],
)
def test_bad_requests_are_refused(spec, groups, nodes, message):
    with pytest.raises(ConfigError, match=message):
        partition(spec, np.zeros(4, np.int64), groups, nodes, np.random.default_rng(0))


def test_equal_seeds_give_equal_parts():
    found = [
        partition("dirichlet:0.3", targets_of(99, 3), None, 4, np.random.default_rng(5))
        for _ in range(2)
    ]
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


def test_table():
    parts = [np.array([0, 1, 2]), np.array([3])]
    table = split_table(parts, np.array([0, 1, 1, 0]), ["walk", "run"])
    assert table == "node  walk  run  rows\n   0     1    2     3\n   1     1    0     1"
