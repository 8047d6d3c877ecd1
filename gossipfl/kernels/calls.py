"""Kernels that are compiled one by one, on first use, and called by address.

A model needs only some of the kernels, and one jitted loop has to serve every model.  So each
kernel is a C function of a fixed signature, and the loop finds its address in an array.  Where
Numba is switched off, a kernel is the plain Python function and an array of kernels holds those.
"""

from functools import cached_property
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

COMPILED = not config.DISABLE_JIT  # type: ignore[attr-defined]
FLOATS, DOUBLES = types.CPointer(types.float32), types.CPointer(types.float64)
INTEGERS = types.CPointer(types.int64)


class Kernel:
    """One C function: called with pointers when compiled, with arrays when not."""

    def __init__(self, function, signature, fastmath):
        self.function = function
        self._signature = signature
        self._fastmath = fastmath

    @cached_property
    def entry(self):
        """What an array of kernels holds: the address, compiled now or taken from the cache."""
        if not COMPILED:
            return self.function
        options = {"fastmath": self._fastmath, "error_model": "numpy", "cache": True}
        # The object must outlive the address.
        self._held = numba.cfunc(self._signature, **options)(self.function)
        return self._held.address

    def __call__(self, *arguments):
        """One call from Python, with arrays for pointers; used by tests."""
        if not COMPILED:
            return self.function(*_flat(arguments))
        self.entry  # noqa: B018  (compiles)
        types_ = self._held.ctypes.argtypes
        pairs = zip(arguments, types_, strict=True)
        return self._held.ctypes(*(_pointer(a, t) for a, t in pairs))


def _pointer(argument, type_):
    return argument.ctypes.data_as(type_) if isinstance(argument, np.ndarray) else argument


def kernel(signature, fastmath=frozenset()):
    """Decorator: a Kernel with this C signature.  It may not allocate, raise or return a value."""

    def wrap(function):
        return Kernel(function, signature, set(fastmath))

    return wrap


def array_of(kernels):
    """Kernels in an array, of any shape, that a compiled loop or its plain twin can call from.

    None stands for a kernel that nobody will call.
    """
    entries = np.empty(np.shape(kernels), object)
    entries.ravel()[:] = [0 if k is None else k.entry for k in np.ravel(np.array(kernels, object))]
    return entries.astype(np.int64) if COMPILED else entries


def _caller(signature):
    """An intrinsic call(entry, arguments): arrays pass as pointers, nested tuples side by side."""
    if not COMPILED:
        return lambda entry, arguments: entry(*_flat(arguments))  # as pointers: no shapes

    @intrinsic
    def call(typing, entry, arguments):
        def generate(context, builder, caller_signature, values):
            found = list(_leaves(builder, caller_signature.args[1], values[1]))
            cast = [
                _passed(context, builder, type_, value, wanted)
                for (type_, value), wanted in zip(found, signature.args, strict=True)
            ]
            shape = [context.get_value_type(wanted) for wanted in signature.args]
            pointer = ir.FunctionType(ir.VoidType(), shape).as_pointer()
            builder.call(builder.inttoptr(values[0], pointer), cast)
            return context.get_dummy_value()

        return types.void(types.int64, arguments), generate

    return call


def _flat(arguments):
    for argument in arguments:
        if isinstance(argument, tuple):
            yield from _flat(argument)
        else:
            yield argument.reshape(-1) if isinstance(argument, np.ndarray) else argument


def _leaves(builder, type_, value):
    if not isinstance(type_, types.BaseTuple):
        yield type_, value
        return
    for index, inner in enumerate(type_.types):  # type: ignore[attr-defined]
        yield from _leaves(builder, inner, builder.extract_value(value, index))


def _passed(context, builder, type_, value, wanted):
    if isinstance(type_, types.Array):
        return context.make_array(type_)(context, builder, value).data
    return context.cast(builder, value, type_, wanted)


def _pointer_at(typing, buffer, start):
    whole = isinstance(buffer, types.Array)

    def generate(context, builder, signature, values):
        first = context.make_array(buffer)(context, builder, values[0]).data if whole else values[0]
        return cgutils.gep_inbounds(builder, first, values[1])

    pointer = types.CPointer(buffer.dtype) if whole else buffer
    return pointer(buffer, types.int64), generate


def _array_at(buffer, start):
    return buffer.reshape(-1)[start:]


# at(buffer, start): pointer to entry `start` of a contiguous array or of what the pointer `buffer`
# points to; where nothing is compiled, the array from there on.
at: Any = intrinsic(_pointer_at) if COMPILED else _array_at


def _integers_at(typing, buffer, start):
    def generate(context, builder, signature, values):
        place = cgutils.gep_inbounds(builder, values[0], values[1])
        return builder.bitcast(place, ir.IntType(64).as_pointer())

    return INTEGERS(FLOATS, types.int64), generate


def _integer_array_at(buffer, start):
    return buffer[start : start + (len(buffer) - start) // 2 * 2].view(np.int64)


# integers_at(buffer, start): i64 in place of pairs of f32, where a kernel keeps lists of its own.
integers_at: Any = intrinsic(_integers_at) if COMPILED else _integer_array_at

# row, parameters, gradient, workspace, batch, shared kernels
LAYER = types.void(INTEGERS, FLOATS, FLOATS, FLOATS, types.int64, INTEGERS)
# source, width, rows, how many rows, out
GATHER = types.void(FLOATS, types.int64, INTEGERS, types.int64, FLOATS)
# settings of the step, vectors, size
OPTIMIZER = types.void(DOUBLES, FLOATS, types.int64)
# table, its layers, parameters, size, out
WEIGHING = types.void(INTEGERS, types.int64, FLOATS, types.int64, FLOATS)
# (a, row stride, column stride), (b, row stride), (out, row stride), (m, n, k), add
_STRIDE = types.int64
PRODUCT = types.void(
    *(FLOATS, _STRIDE, _STRIDE, FLOATS, _STRIDE, FLOATS, _STRIDE),
    *(types.int64, types.int64, types.int64, types.int64),
)
# a, starts of its rows, of its columns; the rest as above
LISTED_PRODUCT = types.void(FLOATS, INTEGERS, INTEGERS, *PRODUCT.args[3:])

call_layer: Any = _caller(LAYER)
call_gather = _caller(GATHER)
call_optimizer = _caller(OPTIMIZER)
call_weighing = _caller(WEIGHING)
call_product = _caller(PRODUCT)
call_listed_product = _caller(LISTED_PRODUCT)
