"""One byte a scale: the table is exact, the nearest code is found, the ends hold."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.compression.scales import (
    BORDERS,
    SCALE_MIN,
    SCALES,
    decode_activity,
    encode_activity,
)
from gossipfl.errors import LocalProtocolError, RemoteProtocolError

CODES = np.arange(256, dtype=np.uint8)
HALF_STEP = 2 ** (1 / 16)


def test_table_is_the_nearest_float32_everywhere():
    with localcontext(prec=40):
        exact = [float(Decimal(2) ** (Decimal(code - 192) / 8)) for code in range(256)]
    np.testing.assert_array_equal(SCALES, np.array(exact, np.float32))
    assert SCALES.dtype == np.float32


def test_range():
    assert SCALE_MIN == 2**-24
    assert SCALES[192] == 1
    assert SCALES[255] == pytest.approx(2**7.875)


def test_codes_survive():
    np.testing.assert_array_equal(np.searchsorted(BORDERS, SCALES), CODES)


@given(st.floats(SCALE_MIN, float(SCALES[-1])))
def test_nearest_code_by_ratio(scale):
    decoded = float(SCALES[np.searchsorted(BORDERS, scale)])
    assert decoded / scale * (1 + 1e-7) >= 1 / HALF_STEP
    assert decoded / scale <= HALF_STEP * (1 + 1e-7)


def test_out_of_range_takes_the_end():
    assert np.searchsorted(BORDERS, [1e-300, 1e-9, 1e3, 1e300]).tolist() == [0, 0, 255, 255]


def test_activity_codes_survive():
    assert [encode_activity(decode_activity(code)) for code in range(256)] == list(range(256))
    assert decode_activity(128) == 1
    assert decode_activity(0) == 2**-16


@given(st.floats(2**-15.9, 2**15.8))
def test_activity_is_near(activity):
    ratio = decode_activity(encode_activity(activity)) / activity
    assert ratio * (1 + 1e-7) >= 1 / HALF_STEP
    assert ratio <= HALF_STEP * (1 + 1e-7)


def test_activity_out_of_range_takes_the_end():
    assert encode_activity(1e-12) == 0
    assert encode_activity(5e-324) == 0
    assert encode_activity(1e300) == 255


@pytest.mark.parametrize("activity", [0.0, -1.0, float("nan"), float("inf")])
def test_activity_must_be_positive(activity):
    with pytest.raises(LocalProtocolError, match="positive"):
        encode_activity(activity)


@pytest.mark.parametrize("code", [-1, 256])
def test_activity_code_must_be_a_byte(code):
    with pytest.raises(RemoteProtocolError, match=r"0\.\.255"):
        decode_activity(code)
