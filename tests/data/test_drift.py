"""Distances between distributions, and when they count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.data.dataset import Dataset
from gossipfl.data.drift import SKETCH_ROWS, DriftWatch, distances


def rows(rng, count, shift=0.0, right=0.5, columns=4):
    features = rng.normal(size=(count, columns)).astype(np.float32)
    features[:, -1] += np.float32(shift)
    targets = (rng.random(count) < right).astype(np.int64)
    names = tuple(f"c{i}" for i in range(columns))
    return Dataset(features=features, targets=targets, columns=names, source="here")


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=20),
    st.lists(st.integers(-3, 3), min_size=1, max_size=20),
)
def test_the_statistic_by_its_definition(first, second):
    a, b = np.array(first, np.float32), np.array(second, np.float32)
    expected = max(abs((a <= x).mean() - (b <= x).mean()) for x in range(-3, 4))
    assert distances(a[:, None], b[:, None])[0] == pytest.approx(expected)


@pytest.mark.parametrize("count", [3, 60, 5_000])
def test_chance_is_no_drift(count):
    rng = np.random.default_rng(count)
    for _ in range(20):
        watch = DriftWatch(rows(rng, 800), rng)
        assert not watch.see(rows(rng, count)).exceeds(0.1)


def test_a_shift_is_found_and_named():
    rng = np.random.default_rng(1)
    watch = DriftWatch(rows(rng, 3_000), rng)
    found = watch.see(rows(rng, 3_000, shift=1.0))
    assert (found.feature, found.rows) == ("c3", SKETCH_ROWS)
    assert found.distance == pytest.approx(0.383, abs=0.07)  # 2 Phi(1 / 2) - 1
    assert found.exceeds(0.25)
    assert not found.exceeds(0.5)


def test_labels_drift_by_themselves():
    rng = np.random.default_rng(2)
    watch = DriftWatch(rows(rng, 1_000, right=0.1), rng)
    found = watch.see(rows(rng, 1_000, right=0.8))
    assert found.labels == pytest.approx(0.7, abs=0.06)
    assert found.distance < 0.15
    assert found.exceeds(0.3)


def test_values_drift_too():
    rng = np.random.default_rng(3)
    first, second = (
        Dataset(
            features=rng.normal(size=(500, 1)).astype(np.float32),
            targets=rng.normal(centre, 1, (500, 2)).astype(np.float32),
            columns=("x",),
            source="here",
        )
        for centre in (0, 2)
    )
    assert DriftWatch(first, rng).see(second).labels == pytest.approx(0.683, abs=0.08)


def test_small_files_are_judged_together():
    rng = np.random.default_rng(4)
    watch = DriftWatch(rows(rng, 1_000), rng)
    seen = [watch.see(rows(rng, 20, shift=2.0)) for _ in range(10)]
    assert [found.rows for found in seen] == list(range(20, 220, 20))
    assert not seen[1].exceeds(0.3)
    assert seen[-1].exceeds(0.3)
