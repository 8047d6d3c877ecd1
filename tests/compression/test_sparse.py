"""The sparse codec: exact, contracting, close to the entropy, and strict about its settings."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gossipfl.compression import Delta, SparseCodec
from gossipfl.compression.scales import BORDERS, SCALE_MIN, SCALES
from gossipfl.errors import ConfigError, LocalProtocolError

# Where nothing is compiled, squares of extremes overflow aloud.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")

TENSORS = ((0, 40), (40, 41), (41, 90))
SIZE = 90
RESIDUALS = arrays(np.float32, SIZE, elements=st.floats(-200, 200, width=32))
# Any finite float32, so that scales are clamped at both ends.
EXTREMES = arrays(
    np.float32, SIZE, elements=st.floats(width=32, allow_nan=False, allow_infinity=False)
)
RATIOS = st.floats(0.001, 1)
BITS = st.sampled_from([1, 2, "auto"])


def codec(keep_ratio=0.1, bits=1):
    return SparseCodec(SIZE, TENSORS, keep_ratio, bits)


def quantised(sparse, residual, ratio=None):
    """C(residual)."""
    return sparse.decode(sparse.encode(residual, ratio))


def dense(delta):
    out = np.zeros(delta.size)
    out[delta.indices] = delta.values
    return out


def length(vector):
    """Euclidean length that does not overflow."""
    return math.hypot(*vector.tolist())


def nearest(scale):
    """What `scale` decodes to."""
    return float(SCALES[np.searchsorted(BORDERS, scale)])


@given(RESIDUALS | EXTREMES, RATIOS, BITS)
def test_payload_decodes_to_signs_of_few_entries(residual, ratio, bits):
    sparse = codec(ratio, bits)
    payload = sparse.encode(residual)
    delta = sparse.decode(payload)
    assert len(payload) <= sparse.payload_max
    assert delta.indices.size <= max(1, round(ratio * SIZE))
    assert (np.signbit(delta.values) == np.signbit(residual[delta.indices])).all()


@given(RESIDUALS, RATIOS, BITS)
def test_contraction(residual, ratio, bits):
    delta = quantised(codec(ratio, bits), residual)
    before = length(residual)
    after = length(residual - dense(delta))
    if np.abs(residual).max() >= SCALE_MIN:
        assert after < before
    else:
        assert delta.indices.size == 0


@given(EXTREMES, RATIOS, BITS)
def test_never_expands(residual, ratio, bits):
    delta = quantised(codec(ratio, bits), residual)
    assert length(residual - dense(delta)) <= length(residual) * (1 + 1e-15)


@given(RESIDUALS, st.integers(1, SIZE))
def test_one_bit_is_sign_times_mean(residual, count):
    delta = quantised(codec(), residual, count / SIZE)
    order = np.argsort(-np.abs(residual), kind="stable")[:count]
    chosen = np.sort(order[np.abs(residual[order]) >= SCALE_MIN])
    np.testing.assert_array_equal(delta.indices, chosen)
    np.testing.assert_array_equal(np.sign(delta.values), np.sign(residual[chosen]))
    for start, stop in TENSORS:
        mine = (chosen >= start) & (chosen < stop)
        if mine.any():
            mean = nearest(np.abs(residual[chosen[mine]]).astype(np.float64).mean())
            np.testing.assert_array_equal(np.abs(delta.values[mine]), mean)


@given(RESIDUALS)
def test_two_bits_split_each_tensor_at_its_mean(residual):
    delta = quantised(codec(1, 2), residual)
    for start, stop in TENSORS:
        mine = (delta.indices >= start) & (delta.indices < stop)
        kept = np.abs(residual[delta.indices[mine]]).astype(np.float64)
        if not kept.size:
            continue
        mean = np.bincount(np.zeros(kept.size, int), kept)[0] / kept.size
        for half in (kept > mean, kept <= mean):
            if half.any():
                near = np.abs(delta.values[mine][half]) / kept[half].mean()
                np.testing.assert_allclose(near, 1, rtol=0.0445)


def test_second_bit_pays_in_accuracy():
    residual = np.random.default_rng(0).laplace(size=SIZE).astype(np.float32)
    one, two = (dense(quantised(codec(0.5, bits), residual)) for bits in (1, 2))
    assert length(residual - two) < length(residual - one)


@pytest.mark.parametrize(("ratio", "bits"), [(0.01, 1), (0.03, 1), (0.0301, 2), (1, 2)])
def test_auto_takes_a_second_bit_above_three_percent(ratio, bits):
    residual = np.random.default_rng(1).normal(size=SIZE).astype(np.float32)
    assert codec(ratio, "auto").encode(residual) == codec(ratio, bits).encode(residual)
    assert codec(0.5, "auto").encode(residual, ratio) == codec(ratio, bits).encode(residual)


@given(RESIDUALS, RESIDUALS, RATIOS, BITS)
def test_a_difference_is_encoded_as_the_residual_that_it_is(model, anchor, ratio, bits):
    payload, norm = codec(ratio, bits).encode_difference(model, anchor)
    residual = model - anchor
    assert payload == codec(ratio, bits).encode(residual)
    assert norm == pytest.approx(length(residual), rel=1e-5)
    again, _ = codec(1, bits).encode_difference(model, anchor, ratio)
    assert again == codec(1, bits).encode(residual, ratio)


def test_difference_of_wrong_vectors():
    good = np.zeros(SIZE, np.float32)
    for pair in ((good, good[1:]), (good.astype(np.float64), good)):
        with pytest.raises(LocalProtocolError, match="contiguous"):
            codec().encode_difference(*pair)


def test_nothing_to_send_is_one_byte():
    payload = codec().encode(np.full(SIZE, SCALE_MIN / 2, np.float32))
    assert payload == b"\0"
    assert codec().decode(payload) == Delta(np.zeros(0, np.int32), np.zeros(0, np.float32), SIZE)


def test_at_least_one_entry_is_kept():
    assert quantised(codec(1e-9), np.ones(SIZE, np.float32)).indices.tolist() == [0]


def test_vector_of_one():
    single = SparseCodec(1, ((0, 1),))
    assert quantised(single, np.array([-1], np.float32)).values.tolist() == [-1]


def entropy_bits(size, count):
    """log2 of the number of supports."""
    lost = math.lgamma(count + 1) + math.lgamma(size - count + 1)
    return (math.lgamma(size + 1) - lost) / math.log(2)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ratio", [0.005, 0.02, 0.1])
@pytest.mark.parametrize("bits", [1, 2])
def test_size_is_near_the_entropy(seed, ratio, bits):
    """Random supports: within 3 % of the entropy of indices and marks, and a few bytes."""
    size = 20_000
    residual = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    sparse = SparseCodec(size, ((0, size),), ratio, bits)
    payload = sparse.encode(residual)
    count = sparse.decode(payload).indices.size
    needed = entropy_bits(size, count) + bits * count
    assert 8 * len(payload) <= 1.03 * needed + 8 * (3 + bits + 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_residual_that_is_not_finite(bad):
    residual = np.zeros(SIZE, np.float32)
    residual[50] = bad
    with pytest.raises(LocalProtocolError, match="diverged"):
        codec().encode(residual)


@pytest.mark.parametrize(
    "residual",
    [
        np.zeros(SIZE + 1, np.float32),
        np.zeros(SIZE),
        np.zeros((SIZE, 1), np.float32),
        np.zeros(2 * SIZE, np.float32)[::2],
    ],
)
def test_wrong_residual(residual):
    with pytest.raises(LocalProtocolError, match="contiguous"):
        codec().encode(residual)


@pytest.mark.parametrize("ratio", [0, -1, 1.01, float("nan")])
def test_keep_ratio_out_of_range(ratio):
    with pytest.raises(ConfigError, match="keep_ratio"):
        codec(ratio)
    with pytest.raises(ConfigError, match="keep_ratio"):
        codec().encode(np.zeros(SIZE, np.float32), ratio)


def test_bits_out_of_range():
    with pytest.raises(ConfigError, match="bits"):
        codec(bits=3)


@pytest.mark.parametrize("size", [0, 2**24 + 1])
def test_size_out_of_range(size):
    with pytest.raises(ConfigError, match="size"):
        SparseCodec(size, ((0, size),))


@pytest.mark.parametrize(
    "tensors", [(), ((0, 80),), ((1, 90),), ((0, 0), (0, 90)), ((0, 50), (40, 90)), ((0, 91),)]
)
def test_tensors_must_tile_the_vector(tensors):
    with pytest.raises(ConfigError, match="tensor"):
        SparseCodec(SIZE, tensors)
