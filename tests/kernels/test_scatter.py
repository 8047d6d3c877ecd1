"""Anchors must agree to the bit on every processor, so the sum is compared exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import scatter_ref
from gossipfl.kernels.doors import scatter, updates


def sparse(rng, size, count):
    indices = np.sort(rng.choice(size, count, replace=False))
    return indices.astype(np.int32), rng.normal(size=count).astype(np.float32)


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.floats(-2, 2, width=32))
def test_kernel_equals_reference(seed, size, weight):
    rng = np.random.default_rng(seed)
    indices, values = sparse(rng, size, int(rng.integers(0, size + 1)))
    fast = rng.normal(size=size).astype(np.float32)
    slow = fast.copy()
    scatter.scatter_add(fast, indices, values, np.float32(weight))
    scatter_ref.scatter_add(slow, indices, values, np.float32(weight))
    assert fast.tobytes() == slow.tobytes()


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.sampled_from([0.0, 0.3]))
def test_two_vectors_equal_the_reference(seed, size, gain):
    rng = np.random.default_rng(seed)
    first, second = (sparse(rng, size, int(rng.integers(0, size + 1))) for _ in range(2))
    start, found = rng.normal(size=(3, size)).astype(np.float32), []
    for twin in (scatter, scatter_ref):
        target, control, alone = start.copy()
        twin.displace(target, control, gain, *first, 0.7, *second, -0.4)
        twin.add_two(alone, *first, 0.7, *second, -0.4)
        found.append((target.tobytes(), control.tobytes(), alone.tobytes()))
    assert found[0] == found[1]
    assert gain or found[0][1] == start[1].tobytes()


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.sampled_from([0.0, 0.3]), st.booleans())
def test_a_whole_merge_equals_its_parts_and_the_reference(seed, size, gain, ours_first):
    """At once or one by one: nodes that replay their journals go by the parts."""
    rng = np.random.default_rng(seed)
    theirs, ours = (
        (*sparse(rng, size, int(rng.integers(0, size + 1))), weight) for weight in (0.7, 0.3)
    )
    first, second = (ours, theirs) if ours_first else (theirs, ours)
    start, found = rng.normal(size=(4, size)).astype(np.float32), []
    for twin in (scatter, scatter_ref):
        model, control, average, anchor = arrays = start.copy()
        twin.merge(model, control, gain, average, 0.2, anchor, *theirs, *ours, ours_first)
        found.append(arrays.tobytes())
    model, control, average, anchor = arrays = start.copy()
    scatter.displace(model, control, gain, *theirs, *ours[:2], -0.7)
    scatter.add_two(anchor, *first, *second)
    updates.approach(average, anchor, 0.2)
    assert found == [arrays.tobytes()] * 2


def test_product_is_rounded_before_the_sum():
    """Where fusing would show: the float64 product is exact, as a fused one is."""
    rng = np.random.default_rng(0)
    indices, values = sparse(rng, 5_000, 5_000)
    start = rng.normal(size=5_000).astype(np.float32)
    weight = np.float32(1 / 3)
    rounded = start + weight * values
    fused = (start.astype(np.float64) + np.float64(weight) * values).astype(np.float32)
    assert np.count_nonzero(rounded != fused) > 500
    scatter.scatter_add(start, indices, values, weight)
    assert start.tobytes() == rounded.tobytes()


@pytest.mark.parametrize("twin", [scatter, scatter_ref])
@pytest.mark.parametrize("index", [-1, 4])
def test_index_outside_the_target(twin, index):
    outside = np.array([index], "i4"), np.ones(1, np.float32), 0.5
    with pytest.raises(IndexError, match="longer than its target"):
        twin.merge(
            *np.zeros((2, 4), "f4"),
            0.5,
            *np.zeros((1, 4), "f4"),
            0.5,
            np.zeros(4, "f4"),
            *outside,
            *outside,
            True,
        )
    with pytest.raises(IndexError, match="longer than its target"):
        twin.scatter_add(
            np.zeros(4, np.float32), np.array([index], "i4"), np.ones(1, np.float32), np.float32(1)
        )
