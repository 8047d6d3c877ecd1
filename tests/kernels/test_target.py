"""Functions inside of kernels: what they are compiled to there, and what they stay elsewhere."""

import ctypes

import numba
import numpy as np
import pytest
from numba.core.errors import NumbaError

from gossipfl.kernels.compiler import compile_kernel
from gossipfl.kernels.loader import load
from gossipfl.kernels.presence import DISABLED
from gossipfl.kernels.signatures import F8, I8, Signature

pytestmark = pytest.mark.skipif(DISABLED, reason="nothing is compiled")

DOUBLES, INTEGERS = Signature(F8, (F8, F8, F8)), Signature(I8, (I8,))
FUSED = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * 3)
COUNTED = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
# Rounded after the product, x y + z is 0; fused it is -(2 ** -60).
X = 1 + 2.0**-30, 1 - 2.0**-30, -1.0


@numba.njit
def multiply_add(x, y, z):
    return x * y + z


def product_and_sum(x, y, z):
    return multiply_add(x, y, z)


@numba.njit
def count_to(number):
    total = 0
    for i in range(number):
        total += i
    return total


@numba.njit
def filled(number):
    return np.full(number, number)


def counted(number):
    return count_to(number) if number > 2 else max(number, 1)


def allocated(number):
    return filled(number).sum()


def compiled(function, signature, shape, flags=frozenset()):
    return shape(load(compile_kernel(function, signature, set(flags))))


@pytest.mark.parametrize("first", [{"contract"}, set()])
def test_flags_are_the_callers_own_whoever_is_compiled_first(first):
    compiled(product_and_sum, DOUBLES, FUSED, first)
    assert compiled(product_and_sum, DOUBLES, FUSED)(*X) == 0
    assert compiled(product_and_sum, DOUBLES, FUSED, {"contract"})(*X) in (0, -(2.0**-60))


def test_functions_inside_of_kernels_are_ordinary_ones_elsewhere():
    kernel = compiled(counted, INTEGERS, COUNTED)
    assert [kernel(number) for number in (0, 2, 5)] == [1, 2, 10]
    assert [count_to(number) for number in (0, 2, 5)] == [0, 1, 10]
    assert filled(3).tolist() == [3, 3, 3]


def test_kernels_that_allocate_are_refused():
    with pytest.raises(NumbaError, match="returning of array"):
        compile_kernel(allocated, INTEGERS, set())
