"""Single precision, whatever this build computes in.

MicroPython's floats have 32 bits on most boards, and 64 on others and on computers.  What both ends
of a link must hold alike is therefore rounded by being stored: a number in array("f") is single
precision, and one product or sum of two such numbers, stored before it is used, is the same on
either build (53 bits are more than 2 * 24 + 1, so rounding twice does no harm).
"""

import sys
from array import array

Vector = array  # of "f"
INFINITY = float("inf")


def zeros(count: int) -> Vector[float]:
    """f32[count], without a list or bytes of that length in between."""
    vector = array("f", range(count))
    fill(vector, 0.0)
    return vector


def fill(vector: Vector[float], number: float) -> None:
    """Every number becomes this one."""
    for i in range(len(vector)):
        vector[i] = number


def numbers(content: bytes) -> Vector[float]:
    """f32 from their little-endian bytes."""
    return array("f", content)


def is_finite(vector: Vector[float]) -> bool:
    """Whether all numbers are."""
    return all(-INFINITY < number < INFINITY for number in vector)


def check_arithmetic() -> None:
    """Raises RuntimeError where this build's numbers are not as both ends of a link need them."""
    # 1 + 2^-23, 1 + 2^-12, the smallest normal number, a half.
    least_bits = b"\x01\x00\x80\x3f"
    given = numbers(least_bits + b"\x00\x08\x80\x3f" + b"\x00\x00\x80\x00" + b"\x00\x00\x00\x3f")
    found = zeros(3)
    found[0] = given[0]  # builds that drop the lowest bits of every float lose it here
    found[1] = given[1] * given[1]
    found[2] = given[2] * given[3]
    expected = least_bits + b"\x00\x10\x80\x3f" + b"\x00\x00\x40\x00"
    if sys.byteorder != "little" or bytes(found) != expected:
        raise RuntimeError("this build of MicroPython lacks floats of 32 bits: choose another")
