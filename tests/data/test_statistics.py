"""Moments: the set merges like a set, and pooling equals pooled data."""

import attrs
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.data.dataset import Dataset
from gossipfl.data.statistics import (
    COUNT_MAX,
    Moments,
    MomentSet,
    apply,
    groups_of,
    moments_of,
)
from gossipfl.errors import ConfigError, RemoteProtocolError

OWNER = b"sensor-1"


def rows(features):
    features = np.ascontiguousarray(features, np.float32)
    names = tuple(f"c{i}" for i in range(features.shape[1]))
    targets = np.zeros(len(features), np.int64)
    return Dataset(features=features, targets=targets, columns=names, source="here")


def owner(i):
    return int(i).to_bytes(8, "big")


def moments(i, count=10, mean=0.0, variance=1.0, groups=2, version=0):
    return Moments(
        owner=owner(i),
        version=version,
        count=count,
        mean=np.full(groups, mean, np.float32),
        variance=np.full(groups, variance, np.float32),
    )


@pytest.mark.parametrize(("mode", "groups"), [("feature", 6), ("channel:3", 3), ("channel:1", 1)])
def test_pooled_scale_equals_scale_of_pooled_data(mode, groups):
    rng = np.random.default_rng(0)
    parts = [
        rows(rng.normal(1000 * i, 5 + i, (20 + 30 * i, 6)) * [1, 10, 100, 1, 10, 100])
        for i in range(4)
    ]
    pool = MomentSet(groups)
    for i, part in enumerate(parts):
        assert pool.add(moments_of(part, owner(i), mode))
    everything = np.concatenate([part.features for part in parts])
    found = apply(pool.scale(), everything)
    assert found.dtype == np.float32
    assert found.shape == everything.shape
    grouped = found.reshape(-1, groups).astype(np.float64)
    np.testing.assert_allclose(grouped.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(grouped.std(0), 1, rtol=1e-4)


def test_few_rows_stay_private():
    assert moments_of(rows(np.zeros((9, 2))), OWNER, "feature") is None
    assert moments_of(rows(np.zeros((10, 2))), OWNER, "feature") is not None
    assert moments_of(rows(np.zeros((10, 2))), OWNER, "none") is None


def test_constant_features_keep_their_unit():
    pool = MomentSet(2)
    readings = np.column_stack([np.full(50, 101325.3), np.arange(50)])
    pool.add(moments_of(rows(readings), OWNER, "feature"))
    found = apply(pool.scale(), rows(readings).features)
    np.testing.assert_array_equal(found[:, 0], 0)
    assert found[:, 1].std() == pytest.approx(1)


def test_extreme_readings_stay_finite():
    readings = np.array([[3e38], [-3e38]] * 10)
    found = moments_of(rows(readings), OWNER, "feature")
    pool = MomentSet(1)
    assert pool.add(pool.decode(found.encode()))
    assert np.isfinite(pool.scale().inverse_deviation).all()


def test_empty_set_is_the_identity():
    features = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(apply(MomentSet(2).scale(), features), features)
    assert apply(MomentSet(2).scale(), features[:0]).shape == (0, 2)


ENTRIES = st.lists(
    st.builds(
        moments,
        st.integers(0, 12),
        count=st.integers(10, 13),
        version=st.integers(0, 3),
        mean=st.floats(-1e6, 1e6, width=32),
        variance=st.floats(0, 1e6, width=32),
    ),
    max_size=30,
)


@given(ENTRIES, st.randoms(use_true_random=False), st.integers(1, 8))
def test_order_and_repetition_do_not_matter(entries, random, limit):
    one, two = MomentSet(2, limit), MomentSet(2, limit)
    for entry in entries:
        one.add(entry)
    shuffled = entries * 2
    random.shuffle(shuffled)
    for entry in shuffled:
        two.add(entry)
    assert one.digest() == two.digest()
    assert one.scale().mean.tobytes() == two.scale().mean.tobytes()
    assert one.scale().inverse_deviation.tobytes() == two.scale().inverse_deviation.tobytes()
    assert not any(one.add(entry) for entry in entries)
    assert len(one.entries()) <= limit


def test_newer_moments_replace_older():
    pool = MomentSet(2)
    assert pool.add(moments(1, count=10))
    assert not pool.add(moments(1, count=10))
    assert pool.add(moments(1, count=11, mean=3, version=1))
    assert not pool.add(moments(1, count=500))
    assert pool.add(moments(1, count=10, version=2))
    assert [entry.count for entry in pool.entries()] == [10]


def test_what_an_owner_publishes_replaces_what_it_said_before():
    ours, theirs = MomentSet(2), MomentSet(2)
    theirs.add(moments(1, count=900, version=7))
    ours.publish(moments(1, count=20))
    assert ours.of(owner(1)).version == 0
    assert ours.add(theirs.of(owner(1)))  # our state was lost, theirs was not
    assert ours.publish(moments(1, count=20))
    assert theirs.add(ours.of(owner(1)))
    assert (theirs.of(owner(1)).count, theirs.of(owner(1)).version) == (20, 8)
    assert theirs.of(owner(2)) is None


@pytest.mark.parametrize(
    ("changes", "news"),
    [
        ({}, False),
        ({"count": 130}, False),
        ({"count": 160}, True),
        ({"count": 60}, True),
        ({"count": 109, "mean": 9.0}, False),  # nine rows could be told from the difference
        ({"count": 110, "mean": 9.0}, True),
        ({"mean": 0.3}, True),
        ({"mean": 0.1}, False),
        ({"variance": 5.0}, True),
        ({"variance": 4.2}, False),
    ],
)
def test_only_changes_that_matter_are_news(changes, news):
    known = moments(1, **{"count": 100, "variance": 4.0})
    assert moments(1, **{"count": 100, "variance": 4.0, **changes}).is_news(known) is news


def test_only_what_lacks_is_sent():
    ours, theirs = MomentSet(2), MomentSet(2)
    for i in range(5):
        ours.add(moments(i))
    for i in range(3, 9):
        theirs.add(moments(i))
    lacking = ours.missing_from(set(theirs.digests()))
    assert [entry.owner for entry in lacking] == [owner(i) for i in range(3)]
    for entry in lacking:
        theirs.add(theirs.decode(entry.encode()))
    for entry in theirs.missing_from(set(ours.digests())):
        ours.add(entry)
    assert ours.digest() == theirs.digest()


def test_a_large_cluster_is_sampled_alike():
    pool = MomentSet(2, limit=64)
    for i in range(1000):
        pool.add(moments(i, mean=i))
    assert len(pool.entries()) == 64
    assert pool.scale().mean[0] == pytest.approx(500, abs=110)  # three standard errors
    assert max(map(len, (entry.encode() for entry in pool.entries()))) == 33


def test_an_entry_survives_the_wire():
    entry = moments(3, count=COUNT_MAX, mean=-7.5, variance=0)
    found = MomentSet(2).decode(entry.encode())
    assert found.encode() == entry.encode()
    assert found.digest() == entry.digest()
    assert len(entry.digest()) == 8


def damaged():
    good = moments(1)
    two = good.mean.tobytes()
    nan = np.array([0, np.nan], "<f4").tobytes()
    lists = [
        [b"short", 10, two, two],
        ["8 characters"[:8], 10, two, two],
        [OWNER, 9, two, two],
        [OWNER, COUNT_MAX + 1, two, two],
        [OWNER, True, two, two],
        [OWNER, 10.0, two, two],
        [OWNER, 10, two[:-1], two],
        [OWNER, 10, two + two, two],
        [OWNER, 10, two.decode("latin1"), two],
        [OWNER, 10, nan, two],
        [OWNER, 10, two, nan],
        [OWNER, 10, two, np.array([1, -1], "<f4").tobytes()],
        [OWNER, 10, two],
        {"owner": 1},
        7,
    ]
    content = good.encode()
    loose = b"\xdc\x00\x04" + content[1:]  # the same list with a longer header
    return [*map(msgpack.packb, lists), b"", content[:-1], content + b"\0", loose, b"\xc1"]


@pytest.mark.parametrize("content", damaged())
def test_illegal_entries_are_refused(content):
    with pytest.raises(RemoteProtocolError, match="statistics"):
        MomentSet(2).decode(content)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_legal(content):
    try:
        found = MomentSet(2).decode(content)
    except RemoteProtocolError:
        return
    assert found.encode() == content


@pytest.mark.parametrize(
    "mode", ["", "features", "channel", "channel:0", "channel:-1", "channel:4"]
)
def test_bad_modes_are_refused(mode):
    with pytest.raises(ConfigError, match="standardisation"):
        groups_of(mode, 6)


def test_moments_are_frozen():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        moments(1).count = 3
