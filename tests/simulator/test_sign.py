"""Signs with the mean magnitude of their tensor, one bit an entry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.simulation.baselines.sign import SignCodec

RANGES = ((0, 5), (5, 21))
CODEC = SignCodec(21, RANGES)


@given(st.integers(0, 2**32 - 1))
def test_every_entry_becomes_its_sign_times_the_mean_of_its_tensor(seed):
    residual = np.random.default_rng(seed).normal(size=21).astype("f4")
    payload = CODEC.encode(residual)
    assert len(payload) == CODEC.payload_max == 2 * 4 + 3
    delta = CODEC.decode(payload)
    assert delta.indices.tolist() == list(range(21))
    for start, stop in RANGES:
        part = residual[start:stop]
        expected = np.where(part >= 0, 1, -1) * np.abs(part).mean(dtype="f8")
        np.testing.assert_allclose(delta.values[start:stop], expected, rtol=1e-6)
    # A contraction, which is all that CHOCO-SGD asks for.
    assert np.linalg.norm(residual - delta.values) < np.linalg.norm(residual)


@pytest.mark.parametrize("payload", [b"", bytes(10), bytes(12), b"\xff" * 11])
def test_bytes_that_hold_no_signs_are_refused(payload):
    with pytest.raises(RemoteProtocolError):
        CODEC.decode(payload)


@pytest.mark.parametrize(
    "residual", [np.zeros(20, "f4"), np.zeros(21), *np.float32([[np.inf] * 21, [np.nan] * 21])]
)
def test_residuals_of_another_kind_are_refused(residual):
    with pytest.raises(LocalProtocolError):
        CODEC.encode(residual)
