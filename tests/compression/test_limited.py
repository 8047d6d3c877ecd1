"""Payloads under a limit: as long as it allows, and as readable as any other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.compression import SparseCodec
from gossipfl.compression.limited import LimitedCodec

SIZE = 5000
TENSORS = ((0, 4000), (4000, SIZE))
ONE_ENTRY_BYTES = 16


def pair(limit, keep_ratio=0.05):
    sparse = SparseCodec(SIZE, TENSORS, keep_ratio)
    return sparse, LimitedCodec(sparse, keep_ratio, lambda: limit)


@given(st.integers(0, 2**32 - 1), st.floats(-100, 600), st.floats(0.0005, 1))
def test_no_payload_is_longer_than_the_limit_unless_it_is_one_entry(seed, limit, ratio):
    residual = np.random.default_rng(seed).normal(size=SIZE).astype("f4")
    sparse, limited = pair(limit, ratio)
    payload = limited.encode(residual)
    assert len(payload) <= max(limit, ONE_ENTRY_BYTES)
    kept, largest = limited.decode(payload), np.argsort(-np.abs(residual), kind="stable")
    np.testing.assert_array_equal(kept.indices, np.sort(largest[: kept.indices.size]))
    assert sparse.decode(payload) == kept
    if len(payload) < limit / 2:
        assert payload == sparse.encode(residual)


@pytest.mark.parametrize("limit", [60, 100, 200])
def test_the_room_is_used(limit):
    residual = np.random.default_rng(0).normal(size=SIZE).astype("f4")
    _, limited = pair(limit)
    assert len(limited.encode(residual)) > 0.85 * limit


def test_a_limit_far_away_changes_nothing():
    residual = np.random.default_rng(1).normal(size=SIZE).astype("f4")
    sparse, limited = pair(float("inf"))
    assert limited.encode(residual) == sparse.encode(residual)
    assert limited.encode(residual, 0.01) == sparse.encode(residual, 0.01)
    assert (limited.size, limited.payload_max) == (sparse.size, sparse.payload_max)
