"""What kernels are written with: pointers, and calls of other kernels by their address.

A model needs only some of the kernels, and one loop has to serve every model.  So each kernel is a
C function of a fixed signature, and the loop finds its address in an array.  Where Numba is
switched off, a kernel is the plain Python function and an array of kernels holds those.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from gossipfl.kernels import signatures
from gossipfl.kernels.numba_types import numba_type
from gossipfl.kernels.signatures import (
    GATHER,
    LAYER,
    LISTED_PRODUCT,
    OPTIMIZER,
    PRODUCT,
    WEIGHING,
    leaves,
)

COMPILED = not config.DISABLE_JIT  # type: ignore[attr-defined]
FLOATS, INTEGERS = numba_type(signatures.FLOATS), numba_type(signatures.INTEGERS)


class Source:
    """A kernel as it is written, and how it is to be compiled."""

    def __init__(self, function, signature, fastmath):
        self.function = function
        self.signature = signature
        self.fastmath = fastmath


def kernel(signature, fastmath=frozenset()):
    """Decorator: a Source with this C signature.  It may neither allocate nor raise."""

    def wrap(function):
        return Source(function, signature, set(fastmath))

    return wrap


def _caller(signature):
    """An intrinsic call(entry, arguments): arrays pass as pointers, nested tuples side by side."""
    parameters = [numba_type(part) for part in leaves(signature.parameters)]
    if not COMPILED:
        return lambda entry, arguments: entry(*_flat(arguments))  # as pointers: no shapes

    @intrinsic
    def call(typing, entry, arguments):
        def generate(context, builder, caller_signature, values):
            found = list(_leaves(builder, caller_signature.args[1], values[1]))
            cast = [
                _passed(context, builder, type_, value, wanted)
                for (type_, value), wanted in zip(found, parameters, strict=True)
            ]
            shape = [context.get_value_type(wanted) for wanted in parameters]
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

call_layer: Any = _caller(LAYER)
call_gather = _caller(GATHER)
call_optimizer = _caller(OPTIMIZER)
call_weighing = _caller(WEIGHING)
call_product = _caller(PRODUCT)
call_listed_product = _caller(LISTED_PRODUCT)
