"""Partitions are disjoint, cover all rows, and leave nobody without."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.data.partition import partition, shift_of, skew_features, split_table
from gossipfl.errors import ConfigError


def targets_of(rows, classes):
    return np.arange(rows) % classes


@given(
    st.sampled_from(
        ["iid", "dirichlet:0.01", "dirichlet:100", "quantity:0.01", "quantity:5", "feature:1"]
    ),
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


@given(st.integers(1, 300), st.integers(1, 8), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_shards_are_dealt_out_evenly_and_leave_few_classes(rows, nodes, count, seed):
    if nodes * count > rows:
        return
    targets, classes = targets_of(rows, 10), 10
    parts = partition(f"shards:{count}", targets, None, nodes, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(rows))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= count
    # A shard spans at most the classes that begin or end in it.
    spanned = 2 + classes // (nodes * count)
    assert all(len(np.unique(targets[part])) <= count * spanned for part in parts)


def test_shards_of_values_are_of_like_values():
    values = np.random.default_rng(1).normal(size=(100, 2)).astype(np.float32)
    parts = partition("shards:1", values, None, 4, np.random.default_rng(0))
    spans = sorted((values[part, 0].min(), values[part, 0].max()) for part in parts)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))


def test_smaller_alpha_gives_less_equal_shares():
    spread = []
    for spec in ("quantity:0.1", "quantity:1", "quantity:100", "iid"):
        parts = partition(spec, targets_of(4000, 10), None, 8, np.random.default_rng(0))
        spread.append(np.std([len(part) for part in parts]))
    assert spread == sorted(spread, reverse=True)
    assert spread[-1] < 1


def test_sensors_of_a_node_have_a_gain_and_an_offset_each():
    features = np.random.default_rng(0).normal(5, 2, (50, 6)).astype(np.float32)
    skewed = skew_features(features, 0.5, 3, np.random.default_rng(1))
    assert skewed.dtype == np.float32
    for channel in range(3):
        before, after = features[:, channel::3].ravel(), skewed[:, channel::3].ravel()
        gain, offset = np.polyfit(before, after, 1)
        np.testing.assert_allclose(gain * before + offset, after, rtol=1e-4)
        assert gain > 0
        assert abs(gain - 1) > 1e-3
    np.testing.assert_array_equal(skew_features(features, 0, 6, np.random.default_rng(1)), features)


def test_skewed_extremes_stay_finite():
    features = np.array([[3e38], [-3e38]], np.float32)
    assert np.isfinite(skew_features(features, 10, 1, np.random.default_rng(2))).all()


def test_shift_is_in_deviations():
    features = np.array([[0, 7], [2, 7], [0, 7], [2, 7]], np.float32)
    assert shift_of(features, features) == 0
    assert shift_of(features[:1], features) == 1
    assert shift_of(features[:1, 1:], features[:, 1:]) == 0


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
        ("shards:0", None, 2, "K a whole number 1 to 1000"),
        ("shards:1.5", None, 2, "K a whole number"),
        ("shards:3", None, 2, "4 rows make no 6 shards"),
        ("quantity:0", None, 2, "ALPHA a number"),
        ("feature:-1", None, 2, "SIGMA a number 0 to 10"),
        ("feature:nan", None, 2, "SIGMA"),
        ("iid:3", None, 2, "iid takes no argument, not '3'"),
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
    table = split_table([np.array([0, 1, 1]), np.array([0])], ["walk", "run"])
    assert table == "node  walk  run  rows\n   0     1    2     3\n   1     1    0     1"
