"""Selection is exact: the same indices as a stable sort, whatever the values."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gossipfl.kernels import selection, selection_ref
from gossipfl.kernels.calls import COMPILED
from gossipfl.kernels.doors import updates
from gossipfl.kernels.vectors import WIDTH

DENORMAL = 1  # bit pattern of the smallest positive magnitude
VECTORS = arrays(np.float32, st.integers(1, 200), elements=st.floats(-1e3, 1e3, width=32))
# Few distinct magnitudes: many ties, zeros of both signs, denormals, neighbours in the last bit.
TIED = arrays(
    np.float32,
    st.integers(1, 200),
    elements=st.sampled_from(
        [
            0.0,
            -0.0,
            1e-45,
            -1e-45,
            1e-40,
            1.0,
            -1.0,
            float(np.nextafter(np.float32(1), np.float32(2))),
        ]
    ).map(np.float32),
)


def select(module, values, count, floor=DENORMAL):
    return select_between(module, values, np.zeros_like(values), count, floor)


def select_between(module, model, anchor, count, floor=DENORMAL):
    """What is found, and that its values and the length of all are right."""
    places, chosen = np.full(model.size, -7, np.int32), np.empty(model.size, np.float32)
    length = np.zeros(1)
    found = module.select_top(model, anchor, count, floor, places, chosen, length)
    with np.errstate(all="ignore"):
        values = model - anchor
        assert length[0] == pytest.approx(np.linalg.norm(values), rel=1e-5, nan_ok=True)
    places = places[: max(found, 0)]
    assert chosen[: places.size].tobytes() == values[places].tobytes()
    return found, places.tolist()


def check(values, count, floor=DENORMAL):
    assert select(selection, values, count, floor) == select(selection_ref, values, count, floor)


@given(VECTORS | TIED, st.integers(1, 250))
def test_kernel_equals_reference(values, count):
    check(values, min(count, values.size))


@given(VECTORS, st.integers(1, 200), st.floats(2**-10, 2**10, width=32))
def test_nothing_below_the_floor(values, count, floor):
    check(values, min(count, values.size), int(np.float32(floor).view(np.int32)))


@given(st.integers(0, 2**32 - 1), st.sampled_from(["laplace", "cauchy", "planted", "equal"]))
@example(0, "planted")
def test_long_vectors(seed, shape):
    """Long enough for the sample to matter; `planted` has it see nothing but large values."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1_000, 4_000))
    if shape == "planted":
        stride = int(selection.stride_of(size))
        values = rng.normal(size=size)
        values[[selection.sampled(i, stride) for i in range(size // stride)]] *= 1e3
    elif shape == "equal":
        values = rng.choice([-0.25, 0.25], size)
    else:
        values = rng.laplace(size=size) if shape == "laplace" else rng.standard_cauchy(size)
    check(values.astype(np.float32), int(rng.integers(1, size + 1)))


@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_entries_of_a_difference(seed, size):
    model, anchor = np.random.default_rng(seed).normal(size=(2, size)).astype(np.float32)
    count = 1 + seed % size
    found = [select_between(twin, model, anchor, count) for twin in (selection, selection_ref)]
    assert found[0] == found[1]


@pytest.mark.skipif(not COMPILED or WIDTH < 8, reason="LLVM sums in other lanes")
def test_length_is_that_of_updates_to_the_bit():
    for size in (*range(1, 100), 50_000):
        model, anchor = np.random.default_rng(size).normal(size=(2, size)).astype(np.float32)
        length, room = np.zeros(1), (np.empty(size, np.int32), np.empty(size, np.float32))
        selection.select_top(model, anchor, 1, DENORMAL, *room, length)
        assert length[0] == updates.difference(model, anchor, np.empty_like(model))


def test_ties_go_to_lower_indices():
    values = np.array([0, 2, -1, 1, -2, 1, 0], np.float32)
    assert select(selection, values, 3) == (3, [1, 2, 4])


def test_zeros_are_never_selected():
    assert select(selection, np.zeros(50, np.float32), 50) == (0, [])


def test_fewer_than_asked_for():
    values = np.zeros(40, np.float32)
    values[[3, 39]] = 1e-45, -1
    assert select(selection, values, 10) == (2, [3, 39])


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, 30, 100])
@pytest.mark.parametrize("place", [0, 1, 99])
def test_one_value_that_is_not_finite(bad, count, place):
    values = np.linspace(-1, 1, 100, dtype=np.float32)
    values[place] = bad
    assert select(selection, values, count) == (-1, [])
    assert select(selection_ref, values, count) == (-1, [])


def test_nothing_but_nan():
    assert select(selection, np.full(64, np.nan, np.float32), 3) == (-1, [])
