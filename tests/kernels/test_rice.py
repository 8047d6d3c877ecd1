"""The bit stream: equal to its twin, reversible, and total on bytes from anywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import gaps, rice, rice_ref

TWINS = (rice, rice_ref)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def supports(draw):
    """Ascending indices and the size they stay below; gaps from none to nearly all of it."""
    rng = np.random.default_rng(draw(SEEDS))
    gaps = rng.integers(0, 1 << draw(st.integers(0, 12)), draw(st.integers(1, 60)))
    indices = (np.cumsum(gaps + 1) - 1).astype(np.int32)
    return indices, int(indices[-1]) + 1 + draw(st.integers(0, 5_000))


def write(module, indices, marks, mark_bits, parameter, size, start=0):
    """The end of the entries and their bytes, written behind `start` bytes of ones."""
    out = np.full(start + 7 * indices.size + 16, 0xFF, np.uint8)
    entries = indices
    if module is rice:
        entries = np.empty_like(indices)
        gaps.hold(indices, marks, mark_bits, parameter, entries)
    end = int(module.write_entries(entries, marks, mark_bits, parameter, size, 8 * start, out))
    assert (out[:start] == 0xFF).all()
    content = int.from_bytes(out[start:].tobytes(), "little") & ((1 << (end - 8 * start)) - 1)
    return end, content


def read(module, data, start, mark_bits, parameter, size, count):
    """The end of `count` entries of these bytes, their indices and their marks."""
    stream = np.frombuffer(data + b"\xff" * 8, np.uint8)
    indices, marks = np.zeros(count, np.int32), np.zeros(count, np.uint8)
    end = int(module.read_entries(stream, start, mark_bits, parameter, size, indices, marks))
    return (end, indices.tolist(), marks.tolist()) if end >= 0 else -1


@given(
    supports(),
    st.integers(0, rice_ref.WIDTH_MAX),
    st.sampled_from([1, 2]),
    st.integers(0, 3),
    SEEDS,
)
def test_entries_survive_and_equal_the_reference(support, parameter, mark_bits, start, seed):
    indices, size = support
    rng = np.random.default_rng(seed)
    marks = rng.integers(0, 1 << mark_bits, indices.size).astype(np.uint8)
    written = [write(twin, indices, marks, mark_bits, parameter, size, start) for twin in TWINS]
    assert written[0] == written[1]
    end, content = written[0]
    data = bytes(start) + content.to_bytes((end + 7) // 8 - start, "little")
    for twin in TWINS:
        assert twin.gap_bits(indices, parameter, size) == end - 8 * start - mark_bits * marks.size
        found = read(twin, data, 8 * start, mark_bits, parameter, size, indices.size)
        assert found == (end, indices.tolist(), marks.tolist())
        short = read(twin, data[:-1], 8 * start, mark_bits, parameter, size, indices.size)
        assert short == -1


@given(
    st.binary(max_size=40),
    st.integers(0, 20),
    st.sampled_from([1, 2]),
    st.integers(0, rice_ref.WIDTH_MAX),
    st.integers(1, 2**rice_ref.WIDTH_MAX),
    st.integers(0, 30),
)
def test_any_bytes_read_as_by_the_reference(data, start, mark_bits, parameter, size, count):
    start = min(start, 8 * len(data))
    fast, slow = (read(twin, data, start, mark_bits, parameter, size, count) for twin in TWINS)
    assert fast == slow


@given(supports(), st.sampled_from([1, 2]), st.integers(0, 5))
def test_payload_equals_the_reference(support, mark_bits, groups):
    indices, size = support
    marks = (indices % (1 << mark_bits)).astype(np.uint8)
    codes = np.arange(groups, dtype=np.uint8)
    written = []
    for twin in TWINS:
        out = np.zeros(7 * indices.size + groups + 32, np.uint8)
        scratch = (np.empty_like(indices),) if twin is rice else ()
        length = twin.write_payload(indices, marks, codes, mark_bits, size, *scratch, out)
        written.append(out[:length].tobytes())
    assert written[0] == written[1]


@given(supports())
def test_parameter_is_better_than_its_neighbours(support):
    indices, size = support
    best = rice.best_parameter(indices, size)
    assert best == rice_ref.best_parameter(indices, size)
    near = [r for r in (best - 1, best, best + 1) if 0 <= r <= rice_ref.WIDTH_MAX]
    assert best == min(near, key=lambda r: rice_ref.gap_bits(indices, r, size))


@given(SEEDS, st.integers(0, 50), st.integers(0, 20))
def test_bytes_survive_and_equal_the_reference(seed, count, position):
    values = np.random.default_rng(seed).integers(0, 256, count).astype(np.uint8)
    streams = np.full((2, count + 16), 0b1010101, np.uint8)
    for twin, stream in zip(TWINS, streams, strict=True):
        assert twin.write_bytes(values, position, stream) == position + 8 * count
        out = np.zeros(count, np.uint8)
        twin.read_bytes(stream, position, out)
        assert out.tolist() == values.tolist()
    whole = (position + 8 * count + 7) // 8
    assert streams[0, :whole].tobytes() == streams[1, :whole].tobytes()


@pytest.mark.parametrize("twin", TWINS)
def test_by_hand(twin):
    """Gaps 2, 0, 5 with parameter 1 and marks 1, 0, 1: 100 1, 00 0, 1101 1, lowest bit first."""
    indices, marks = np.array([2, 3, 9], np.int32), np.array([1, 0, 1], np.uint8)
    assert write(twin, indices, marks, 1, 1, 10) == (12, 0b110110001001)


@pytest.mark.parametrize("twin", TWINS)
def test_long_gap_is_escaped(twin):
    size = 1 << 16
    indices, marks = np.array([size - 1], np.int32), np.array([2], np.uint8)
    end, content = write(twin, indices, marks, 2, 0, size)
    assert (end, content) == (rice_ref.ESCAPE + 18, (1 << rice_ref.ESCAPE + 16) - 1 | 2 << 40)
    data = content.to_bytes(6, "little")
    assert read(twin, data, 0, 2, 0, size, 1) == (end, [size - 1], [2])
    assert read(twin, data, 0, 2, 0, size - 1, 1) == -1


@pytest.mark.parametrize("twin", TWINS)
def test_needless_escape_is_refused(twin):
    size = 1 << 16
    for gap, legal in ((rice_ref.ESCAPE, True), (rice_ref.ESCAPE - 1, False)):
        found = read(twin, bytes([255, 255, 255, gap, 0, 0]), 0, 1, 0, size, 1)
        assert found == ((41, [gap], [0]) if legal else -1)
