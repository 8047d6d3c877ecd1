"""Scales of deltas, one byte each: powers of two in eighths, from 2^-24 on."""

import math
import struct

from gossipfl_device.numbers import numbers

# 2^(i / 8), by their bits: not all builds read decimals to the last of them.
_EIGHTHS = numbers(
    b"\x00\x00\x80\x3f\xc2\x95\x8b\x3f\xf0\x37\x98\x3f\xd7\xfe\xa5\x3f"
    b"\xf3\x04\xb5\x3f\x2a\x67\xc5\x3f\xfd\x44\xd7\x3f\xc7\xc0\xea\x3f"
)
# 2^((2 i + 1) / 16) in units of 2^-52: where one code ends and the next one begins.
_BORDERS = (
    4702991017412879, 5128648071143992, 5592830379701282, 6099024776549417,
    6651033680544135, 7253003658850448, 7909456575025820, 8625323556245722,
)  # fmt: skip
_OCTAVE_MIN = -24
# Lesser magnitudes stay in the residual.
SCALE_MIN = 1 / (1 << 24)


def scale(code: int) -> float:
    """What a scale code stands for."""
    return math.ldexp(_EIGHTHS[code % 8], code // 8 + _OCTAVE_MIN)


def whole(magnitude: float) -> int:
    """A number from SCALE_MIN on, exactly, in units of 2^-76.

    Means of magnitudes are taken and compared in such integers: other nodes take them in double
    precision, which boards lack.  The two agree to the bit but where, within one tensor, one entry
    is millions of times another and their mean lies on a border.
    """
    bits: int = struct.unpack("<I", struct.pack("<f", magnitude))[0]
    return (bits & 0x7FFFFF | 0x800000) << (bits >> 23) - 74


def scale_code(total: int, count: int) -> int:
    """The code nearest by ratio to the mean of `count` magnitudes of the sum `total`."""
    low, high = 0, 255
    while low < high:
        middle = (low + high) // 2
        if count * (_BORDERS[middle % 8] << middle // 8) < total:
            low = middle + 1
        else:
            high = middle
    return low
