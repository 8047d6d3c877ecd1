"""The bit stream: equal to its twin, reversible, and total on bytes from anywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import rice, rice_ref

TWINS = (rice, rice_ref)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def supports(draw):
    """Ascending indices and the size they stay below; gaps from none to nearly all of it."""
    rng = np.random.default_rng(draw(SEEDS))
    gaps = rng.integers(0, 1 << draw(st.integers(0, 12)), draw(st.integers(1, 60)))
    indices = np.cumsum(gaps + 1) - 1
    return indices, int(indices[-1]) + 1 + draw(st.integers(0, 5_000))


def write(module, indices, parameter, size, position):
    out = np.zeros(position // 8 + 6 * indices.size + 1, np.uint8)
    return module.write_gaps(indices, parameter, size, position, out), out


def read(module, stream, position, parameter, size, count):
    out = np.zeros(count, np.int64)
    end = module.read_gaps(stream, position, parameter, size, out)
    return end, out.tolist() if end >= 0 else None


@given(supports(), st.integers(0, rice_ref.WIDTH_MAX), st.integers(0, 20))
def test_gaps_survive_and_equal_the_reference(support, parameter, position):
    indices, size = support
    end, stream = write(rice, indices, parameter, size, position)
    slow_end, slow_stream = write(rice_ref, indices, parameter, size, position)
    assert end == slow_end
    np.testing.assert_array_equal(stream, slow_stream)
    for twin in TWINS:
        assert twin.gap_bits(indices, parameter, size) == end - position
        assert read(twin, stream, position, parameter, size, indices.size) == (
            end,
            indices.tolist(),
        )


@given(
    st.binary(max_size=40),
    st.integers(0, 20),
    st.integers(0, rice_ref.WIDTH_MAX),
    st.integers(1, 2**rice_ref.WIDTH_MAX),
    st.integers(0, 30),
)
def test_any_bytes_read_as_by_the_reference(data, position, parameter, size, count):
    stream = np.frombuffer(data, np.uint8)
    fast, slow = (read(twin, stream, position, parameter, size, count) for twin in TWINS)
    if count:
        assert fast == slow


@given(SEEDS, st.integers(1, 8), st.integers(0, 50), st.integers(0, 20))
def test_fields_survive_and_equal_the_reference(seed, width, count, position):
    fields = np.random.default_rng(seed).integers(0, 1 << width, count).astype(np.uint8)
    streams = np.zeros((2, 60 + position), np.uint8)
    for twin, stream in zip(TWINS, streams, strict=True):
        assert twin.write_fields(fields, width, position, stream) == position + width * count
        out = np.zeros(count, np.uint8)
        assert twin.read_fields(stream, position, width, out) == position + width * count
        assert out.tolist() == fields.tolist()
    assert streams[0].tobytes() == streams[1].tobytes()


@pytest.mark.parametrize("twin", TWINS)
def test_fields_beyond_the_end(twin):
    stream = np.full(2, 255, np.uint8)
    assert twin.read_fields(stream, 5, 2, np.empty(5, np.uint8)) == 15
    assert twin.read_fields(stream, 5, 2, np.empty(6, np.uint8)) == -1


@pytest.mark.parametrize("twin", TWINS)
def test_by_hand(twin):
    """Gaps 2, 0, 5 with parameter 1: 1 0 0, 0 0, 1 1 0 1, lowest bit first."""
    end, stream = write(twin, np.array([2, 3, 9]), 1, 10, 0)
    assert end == 9
    assert stream[:2].tolist() == [0b01100001, 0b1]


@pytest.mark.parametrize("twin", TWINS)
def test_long_gap_is_escaped(twin):
    size = 1 << 16
    end, stream = write(twin, np.array([size - 1]), 0, size, 0)
    assert end == rice.ESCAPE + 16
    assert stream[:5].tolist() == [255] * 5
    assert read(twin, stream, 0, 0, size, 1) == (end, [size - 1])
    assert read(twin, stream, 0, 0, size - 1, 1) == (-1, None)


@pytest.mark.parametrize("twin", TWINS)
def test_needless_escape_is_refused(twin):
    size = 1 << 16
    for gap, legal in ((rice.ESCAPE, True), (rice.ESCAPE - 1, False)):
        stream = np.array([255, 255, 255, gap, 0], np.uint8)
        assert read(twin, stream, 0, 0, size, 1) == ((40, [gap]) if legal else (-1, None))
