"""Arrays to one vector and back, and nothing but the agreed arrays passes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.adapters.arrays import ArraySpec, Layout, describe
from gossipfl.errors import ConfigError, TrainingFailed

SHAPES = st.lists(st.integers(1, 4), max_size=3).map(tuple)
NAMES = st.sampled_from(["weight", "bias", "layer.running_mean", "layer.running_var"])


@st.composite
def layouts(draw) -> Layout:
    kinds = st.sampled_from(["float16", "float32", "float64", "int64", "uint8", "bool"])
    count = draw(st.integers(1, 6))
    return Layout(
        [
            ArraySpec(
                name=f"{place}.{draw(NAMES)}",
                shape=draw(SHAPES),
                dtype=draw(kinds),
                fill=draw(st.sampled_from([0.0, 1.0])),
                limit=draw(st.sampled_from([0.0, 0.5])),
            )
            for place in range(count)
        ]
    )


@given(layouts(), st.integers(0, 2**32 - 1))
def test_what_is_joined_splits_into_the_same(layout, seed):
    vector = layout.initial(seed).astype(np.float16).astype(np.float32)  # exact in every dtype
    local = layout.local()
    arrays = layout.join(vector, local)
    assert [array.dtype.name for array in arrays] == [spec.dtype for spec in layout.specs]
    assert [array.shape for array in arrays] == [spec.shape for spec in layout.specs]
    again, beside = layout.split(arrays)
    np.testing.assert_array_equal(again, vector)
    assert again.dtype == np.float32
    assert len(again) == layout.size
    for one, other in zip(beside, local, strict=True):
        np.testing.assert_array_equal(one, other)


@given(layouts())
def test_what_is_joined_is_the_callers_own(layout):
    vector, local = layout.initial(0), layout.local()
    before = vector.copy()
    for array in layout.join(vector, local):
        array[...] = 1 - array if array.dtype != bool else ~array
    np.testing.assert_array_equal(vector, before)
    for one, other in zip(local, layout.local(), strict=True):
        np.testing.assert_array_equal(one, other)


@given(layouts(), st.integers(0, 2**32 - 1))
def test_ranges_cover_the_vector_and_starts_stay_in_their_limits(layout, seed):
    vector, stops = layout.initial(seed), 0
    shared = [spec for spec in layout.specs if spec.shared]
    for spec, (start, stop) in zip(shared, layout.ranges, strict=True):
        assert start == stops
        assert stop - start == spec.size
        assert np.abs(vector[start:stop] - spec.fill).max() <= spec.limit
        stops = stop
    assert stops == len(vector)


def test_the_start_is_the_same_on_every_device():
    specs = [ArraySpec(name="w", shape=(2, 2), limit=0.5), ArraySpec(name="b", shape=(2,))]
    start = Layout(specs).initial(3)
    assert start.tobytes().hex() == "847d9f3ecc25d4be5a20a4bec6c086be0000000000000000"


def test_a_description_keeps_constants_and_spreads():
    rng = np.random.default_rng(0)
    named = {
        "weight": rng.uniform(-0.3, 0.3, (40, 50)).astype("f4"),
        "scale": np.ones(7, "f8"),
        "norm.running_var": np.ones(7, "f4"),
        "batches": np.asarray(3),
    }
    weight, scale, variance, batches = describe(named)
    assert (weight.shape, weight.dtype) == ((40, 50), "float32")
    assert weight.limit == pytest.approx(0.3, rel=0.05)
    assert weight.fill == pytest.approx(0, abs=0.01)
    assert (scale.fill, scale.limit, scale.dtype) == (1.0, 0.0, "float64")
    assert [spec.shared for spec in (weight, scale, variance, batches)] == [1, 1, 0, 0]
    (ones, three) = Layout([weight, scale, variance, batches]).local()
    assert ones.tolist() == [1.0] * 7
    assert three.shape == ()
    assert int(three) == 3


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((300, 300)), "too large"),
        (np.zeros((2, 0)), "too large"),
        (np.zeros((1,) * 9), "too large"),
        (np.array(["a"]), "no dtype"),
        (np.array([object()]), "no dtype"),
        (np.zeros(3, "c8"), "no dtype"),
        (np.arange(3), "cannot start alike"),
        (np.array([np.nan, 1.0]), "not a finite"),
        (np.array([1e300, -1e300]), "not a finite"),
    ],
)
def test_arrays_that_no_mesh_can_average_are_refused(array, said):
    with pytest.raises(ConfigError, match=said):
        describe({"w": array})


@pytest.mark.parametrize("name", ["", "n" * 201, 7])
def test_names_are_bounded(name):
    with pytest.raises(ConfigError, match="name"):
        ArraySpec(name=name, shape=(1,))


@pytest.mark.parametrize("limit", [-1.0, float("nan"), float("inf"), 0.1])
def test_limits_are_float32_numbers_from_0(limit):
    with pytest.raises(ConfigError, match="w: "):
        ArraySpec(name="w", shape=(1,), limit=limit)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ([], "has 0 arrays"),
        ([np.zeros((2, 3))], "has 1 arrays"),
        ([np.zeros((3, 2)), np.zeros((), "i8")], "w is float64 of shape"),
        ([np.zeros((2, 3), "i8"), np.zeros((), "i8")], "w is int64"),
        ([np.zeros((2, 3)), np.zeros(())], "n is float64"),
        (["text", 5], "w is"),
    ],
)
def test_arrays_of_another_model_cost_the_round(arrays, said):
    layout = Layout(
        [ArraySpec(name="w", shape=(2, 3)), ArraySpec(name="n", shape=(), dtype="int64")]
    )
    with pytest.raises(TrainingFailed, match=said):
        layout.split(arrays)
