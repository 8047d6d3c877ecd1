"""Whole payloads: equal to the twin, on what is sent and on any bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.compression.packing import PADDING, make_out, make_room
from gossipfl.compression.scales import BORDERS, SCALES
from gossipfl.kernels import payload_ref
from gossipfl.kernels.doors import payload

STOPS = np.array([3, 4, 20, 70], np.int64)
SIZE = 70
TWINS = (payload, payload_ref)


def encoded(twin, residual, wanted, bits):
    out = make_out(SIZE, STOPS.size)
    room = make_room(SIZE, STOPS.size)
    settings = wanted, 1, bits, STOPS, BORDERS
    length = twin.encode(residual, np.zeros_like(residual), *settings, room, out)
    return length if length < 0 else out[:length].tobytes()


def decoded(twin, content):
    room = make_room(SIZE, STOPS.size)
    found = twin.decode(np.frombuffer(content + PADDING, np.uint8), SIZE, STOPS, SCALES, room)
    return found, room[0][: max(found, 0)].tolist(), room[1][: max(found, 0)].tolist()


@given(st.integers(0, 2**32 - 1), st.integers(1, SIZE), st.sampled_from([1, 2]))
def test_residuals_are_encoded_as_by_the_reference(seed, wanted, bits):
    rng = np.random.default_rng(seed)
    residual = (rng.normal(size=SIZE) * (rng.random(SIZE) < rng.random())).astype(np.float32)
    fast, slow = (encoded(twin, residual, wanted, bits) for twin in TWINS)
    assert fast == slow
    content = [decoded(twin, fast) for twin in TWINS]
    assert content[0] == content[1]
    assert content[0][0] == min(wanted, np.count_nonzero(residual))


def test_nothing_is_encoded_of_what_is_not_finite():
    residual = np.ones(SIZE, np.float32)
    residual[3] = np.nan
    assert [encoded(twin, residual, 5, 1) for twin in TWINS] == [-1, -1]


# Heads that get past the first checks, in front of any bytes.
HEADS = st.builds(lambda count, shape: bytes([count, shape]), st.integers(0, 5), st.integers(0, 63))


@given(HEADS | st.just(b""), st.binary(max_size=30))
def test_any_bytes_are_decoded_as_by_the_reference(head, rest):
    fast, slow = (decoded(twin, head + rest) for twin in TWINS)
    assert fast == slow
