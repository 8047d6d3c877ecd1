"""Every quantisation kernel equals its twin exactly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import quantisation, quantisation_ref

STOPS = np.array([3, 4, 20, 70], np.int64)
TWINS = (quantisation, quantisation_ref)


@st.composite
def selections(draw):
    """A vector and some of its indices, at least one."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = int(STOPS[-1])
    indices = np.sort(rng.choice(size, draw(st.integers(1, size)), replace=False))
    return rng.normal(size=size).astype(np.float32), indices


def quantise(module, values, indices):
    """All kernels in turn, as the codec calls them: two bits an entry."""
    marks = np.empty(indices.size, np.uint8)
    module.mark_signs(values, indices, marks)
    groups = np.empty(indices.size, np.int64)
    means = np.empty(module.number_groups(indices, STOPS, marks, groups))
    module.group_means(values, indices, groups, means)
    module.mark_levels(values, indices, groups, means, marks)
    levels = np.empty(indices.size, np.int64)
    centroids = np.empty(module.number_groups(indices, STOPS, marks, levels))
    module.group_means(values, indices, levels, centroids)
    out = np.empty(indices.size, np.float32)
    module.dequantise(marks, levels, centroids.astype(np.float32), out)
    return groups, means, marks, levels, centroids, out


@given(selections())
def test_kernels_equal_references(selection):
    for fast, slow in zip(*(quantise(twin, *selection) for twin in TWINS), strict=True):
        np.testing.assert_array_equal(fast, slow)


def test_by_hand():
    values = np.zeros(70, np.float32)
    values[[0, 2, 3, 30, 31]] = 1, -3, -0.5, 2, 2
    for twin in TWINS:
        groups, means, marks, levels, centroids, out = quantise(
            twin, values, np.array([0, 2, 3, 30, 31])
        )
        assert groups.tolist() == [0, 0, 1, 2, 2]  # the third tensor has no entry
        assert means.tolist() == [2, 0.5, 2]
        assert marks.tolist() == [0, 3, 1, 0, 0]  # equals of the mean stay below
        assert levels.tolist() == [0, 1, 2, 3, 3]
        assert centroids.tolist() == [1, 3, 0.5, 2]
        assert out.tolist() == [1, -3, -0.5, 2, 2]


def test_more_tensors_than_a_byte_counts():
    stops = np.arange(1, 301)
    indices = np.array([0, 199, 299])
    marks = np.array([2, 0, 3], np.uint8)
    for twin in TWINS:
        groups = np.empty(3, np.int64)
        assert twin.number_groups(indices, stops, marks, groups) == 3
        assert groups.tolist() == [0, 1, 2]
