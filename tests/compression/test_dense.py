"""The dense codec: the vector as it is, and nothing else passes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.compression import DenseCodec
from gossipfl.errors import ConfigError, LocalProtocolError, RemoteProtocolError

CODEC = DenseCodec(3)


def test_vector_survives():
    vector = np.array([1, -2.5, 1e-45], np.float32)
    payload = CODEC.encode(vector, keep_ratio=0.1)
    delta = CODEC.decode(payload)
    assert payload == vector.astype("<f4").tobytes()
    assert len(payload) == CODEC.payload_max
    assert delta.indices.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(delta.values, vector)


@given(st.binary(max_size=16))
def test_decode_is_total(payload):
    try:
        delta = CODEC.decode(payload)
    except RemoteProtocolError:
        return
    assert np.isfinite(delta.values).all()
    assert delta.values.astype("<f4").tobytes() == payload


@pytest.mark.parametrize("length", [0, 11, 13])
def test_wrong_length(length):
    with pytest.raises(RemoteProtocolError, match="12 bytes"):
        CODEC.decode(bytes(length))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(bad):
    vector = np.array([0, bad, 0], np.float32)
    with pytest.raises(RemoteProtocolError, match="not finite"):
        CODEC.decode(vector.astype("<f4").tobytes())
    with pytest.raises(LocalProtocolError, match="diverged"):
        CODEC.encode(vector)


@pytest.mark.parametrize(
    "vector", [np.zeros(4, np.float32), np.zeros(3), np.zeros(6, np.float32)[::2]]
)
def test_wrong_vector(vector):
    with pytest.raises(LocalProtocolError, match=r"float32\[3\]"):
        CODEC.encode(vector)


def test_size():
    with pytest.raises(ConfigError, match="at least 1"):
        DenseCodec(0)
