"""Positive numbers in one byte: logarithmic, eight codes an octave, at most 4.5 % off.

Scale code c stands for 2 ** ((c - 192) / 8), so 2**-24 .. 2**7.875; activity code c stands for
2 ** ((c - 128) / 8).  The two ends of a link must decode to the same bits on every platform, so the
table is literals times exact powers of two, and no transcendental function is called anywhere.
"""

import math
from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import LocalProtocolError, RemoteProtocolError

# 2 ** (i / 8) as float32: exactly the values that float() of these digits rounds to.
_EIGHTHS = np.array(
    [1.0, 1.0905077, 1.1892071, 1.2968396, 1.4142135, 1.5422108, 1.6817929, 1.8340081], np.float32
)
# 2 ** ((2 i + 1) / 16): where one code's neighbourhood ends and the next one's begins.
_ODD_SIXTEENTHS = np.array(
    [
        1.0442737824274138,
        1.1387886347566916,
        1.2418578120734840,
        1.3542555469368927,
        1.4768261459394993,
        1.6104903319492543,
        1.7562521603732995,
        1.9152065613971474,
    ],
    np.float64,
)
_CODES = np.arange(256)
_ACTIVITY_SHIFT = 8  # octaves between the two tables

SCALES: NDArray[np.float32] = np.ldexp(_EIGHTHS[_CODES % 8], _CODES // 8 - 24)
"""float32[256]: what codes stand for."""
BORDERS: NDArray[np.float64] = np.ldexp(_ODD_SIXTEENTHS[_CODES % 8], _CODES // 8 - 24)[:-1]
"""float64[255]: a number's nearest code, by ratio, is how many of these it exceeds."""

_ACTIVITY_BORDERS = np.ldexp(BORDERS, _ACTIVITY_SHIFT).tolist()

SCALE_MIN = float(SCALES[0])
"""Magnitudes below this are left in the residual: the smallest scale would overshoot them."""


def encode_activity(activity: float) -> int:
    """The nearest code of a positive number.  Use decode_activity of it at both ends of a link.

    Raises LocalProtocolError unless the number is positive and finite.
    """
    if not 0 < activity < math.inf:
        raise LocalProtocolError(f"an activity is a positive number, not {activity}")
    return bisect_left(_ACTIVITY_BORDERS, activity)


def decode_activity(code: int) -> float:
    """The activity that a code stands for.  Raises RemoteProtocolError unless it is a byte."""
    if not 0 <= code <= 255:
        raise RemoteProtocolError(f"an activity code is 0..255, not {code}")
    return math.ldexp(float(SCALES[code]), _ACTIVITY_SHIFT)
