"""Every row of a stream stays with the same probability, and no more than the limit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.data.dataset import Dataset
from gossipfl.data.reservoir import Reservoir


def numbered(start: int, count: int) -> Dataset:
    places = np.arange(start, start + count)
    features = np.repeat(places[:, None], 2, axis=1).astype(np.float32)
    return Dataset(features=features, targets=places, columns=("a", "b"), source="here")


@given(st.integers(1, 50), st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 99))
def test_a_sample_without_repetition_of_whole_rows(limit, batches, seed):
    reservoir, total = Reservoir(limit, np.random.default_rng(seed)), 0
    assert reservoir.rows is None
    for count in batches:
        reservoir.add(numbered(total, count))
        total += count
        rows = reservoir.rows
        assert len(rows) == len(reservoir) == min(limit, total)
        assert len(set(rows.targets.tolist())) == len(rows)
        assert set(rows.targets.tolist()) <= set(range(total))
        np.testing.assert_array_equal(rows.features[:, 0], rows.targets)
        np.testing.assert_array_equal(rows.features[:, 1], rows.targets)
    if total <= limit:
        assert rows.targets.tolist() == list(range(total))
    assert reservoir.seen == total


def test_all_rows_are_equally_likely():
    """Binomial with p = 20 / 100 in 3000 runs: five deviations are 0.037."""
    rng = np.random.default_rng(0)
    kept = np.zeros(100)
    for _ in range(3_000):
        reservoir = Reservoir(20, rng)
        for start, count in ((0, 7), (7, 30), (37, 1), (38, 62)):
            reservoir.add(numbered(start, count))
        kept[reservoir.rows.targets] += 1
    assert np.abs(kept / 3_000 - 0.2).max() < 0.037
