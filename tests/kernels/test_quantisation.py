"""Every quantisation kernel equals its twin exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import quantisation, quantisation_ref

STOPS = np.array([3, 4, 20, 70], np.int64)
TWINS = (quantisation, quantisation_ref)


@st.composite
def selections(draw):
    """Values, at least one, and where they come from."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = int(STOPS[-1])
    indices = np.sort(rng.choice(size, draw(st.integers(1, size)), replace=False))
    return rng.normal(size=indices.size).astype(np.float32), indices.astype(np.int32)


BORDERS = np.linspace(0.01, 3, 255)  # so that codes are coarse means
SCALES = np.arange(256, dtype=np.float32)


def quantise(module, values, indices, mark_bits):
    """Marks and codes."""
    marks, codes = np.empty(indices.size, np.uint8), np.empty(2 * STOPS.size, np.uint8)
    groups = module.quantise(values, indices, STOPS, BORDERS, mark_bits, marks, codes)
    return marks.tolist(), codes[:groups].tolist()


def dequantise(module, indices, marks, codes):
    """How many groups there are, and the values."""
    marks, codes = np.array(marks, np.uint8), np.array(codes, np.uint8)
    out = np.zeros(indices.size, np.float32)
    return module.dequantise(indices, marks, STOPS, codes, SCALES, out), out.tolist()


@given(selections(), st.sampled_from([1, 2]))
def test_quantise_equals_reference(selection, mark_bits):
    fast, slow = (quantise(twin, *selection, mark_bits) for twin in TWINS)
    assert fast == slow
    fast, slow = (dequantise(twin, selection[1], *fast) for twin in TWINS)
    assert fast == slow
    assert fast[0] == len(quantise(quantisation, *selection, mark_bits)[1])


@given(selections(), st.sampled_from([1, 2]), st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_sums_are_those_in_order_however_far_apart(selection, mark_bits, octaves, seed):
    """From some spread on, float64 cannot hold every sum."""
    values, indices = selection
    scales = 2.0 ** np.random.default_rng(seed).integers(-octaves, octaves + 1, values.size)
    wide = (values * scales).astype(np.float32)
    fast, slow = (quantise(twin, wide, indices, mark_bits) for twin in TWINS)
    assert fast == slow


@pytest.mark.parametrize(("octaves", "exact"), [(0, True), (16, True), (17, False), (220, False)])
def test_sums_that_are_exact(octaves, exact):
    """5,000 entries need 13 of the 29 bits that float64 has beyond those of float32."""
    values = np.full(5000, 2.0**-100, np.float32)
    values[7] = 2.0 ** (octaves - 100)
    assert quantisation._adds_exactly(values.view(np.uint32)) == exact


@given(selections(), st.integers(0, 2**32 - 1), st.integers(0, 8))
def test_any_marks_and_codes_are_dequantised_as_by_the_reference(selection, seed, count):
    rng = np.random.default_rng(seed)
    marks, codes = rng.integers(0, 4, selection[1].size), rng.integers(0, 256, count)
    fast, slow = (dequantise(twin, selection[1], marks, codes) for twin in TWINS)
    assert fast[0] == slow[0]
    if fast[0] >= 0:
        assert fast == slow


def test_by_hand():
    indices = np.array([0, 2, 3, 30, 31], np.int32)
    values = np.array([1, -3, -0.5, 2, 2], np.float32)
    for twin in TWINS:
        marks, codes = quantise(twin, values, indices, 2)
        assert marks == [0, 3, 1, 0, 0]  # equals of the mean stay below; the third tensor is empty
        assert codes == np.searchsorted(BORDERS, [1, 3, 0.5, 2]).tolist()
        assert dequantise(twin, indices, marks, [10, 30, 5, 20]) == (4, [10, -30, -5, 20, 20])
        assert dequantise(twin, indices, marks, [10, 30, 5])[0] == -1
        assert quantise(twin, values, indices, 1) == (
            [0, 1, 1, 0, 0],
            np.searchsorted(BORDERS, [2, 0.5, 2]).tolist(),
        )


def test_more_tensors_than_a_byte_counts():
    stops = np.arange(1, 301)
    indices, marks = np.array([0, 199, 299], np.int32), np.array([2, 0, 3], np.uint8)
    for twin in TWINS:
        out = np.empty(3, np.float32)
        codes = np.array([1, 2, 3], np.uint8)
        assert twin.dequantise(indices, marks, stops, codes, SCALES, out) == 3
        assert out.tolist() == [1, 2, -3]
