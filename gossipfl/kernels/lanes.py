"""Vectors as values, for kernels whose innermost run is short: a few channels of one position.

LLVM's own loops need hundreds of entries to pay off.  Here a run of `count` entries is walked in
steps of LANES, and the last vector is cut to what is left of it.  Where Numba is switched off, a
vector is an array of the entries that it may touch, or one number for all of them.
"""

from inspect import Parameter, Signature

import numpy as np
from llvmlite import ir
from numba.core.types import Type, float32, int64, void
from numba.extending import intrinsic, models, register_jitable, register_model

from gossipfl.kernels import vectors
from gossipfl.kernels.calls import COMPILED, FLOATS, at

LANES = vectors.WIDTH


class Vector(Type):
    """LANES float32 in one register."""

    def __init__(self):
        super().__init__(name=f"Vector{LANES}")


VECTOR = Vector()


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """How LLVM sees it."""

    def __init__(self, manager, type_):
        super().__init__(manager, type_, vectors.VECTOR)


def _operation(plain, emit, result, *parameters):
    """`emit(builder, *values)` as a function for kernels; `plain` where nothing is compiled."""
    if not COMPILED:
        return plain

    def operation(typing, *arguments):
        def generate(context, builder, signature, values):
            found = emit(builder, *values)
            return context.get_dummy_value() if found is None else found

        return result(*parameters), generate

    names = ("typing", *"abcd"[: len(parameters)])  # Numba counts parameters by their names
    listed = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    operation.__signature__ = Signature(listed)  # type: ignore[attr-defined]
    return intrinsic(operation)


def _emit_load(builder, pointer, count):
    return vectors.load(builder, pointer, vectors.mask(builder, count))


def _emit_store(builder, vector, pointer, count):
    vectors.store(builder, vector, pointer, vectors.mask(builder, count))


def _emit_larger(builder, x, y):
    known = builder.select(builder.fcmp_ordered(">", y, x), y, x)
    return builder.select(builder.fcmp_unordered("uno", y, y), y, known)


def _emit_where_equal(builder, x, y, then, otherwise):
    return builder.select(builder.fcmp_unordered("==", x, y), then, otherwise)


def _emit_first(builder, vector, count):
    return builder.select(vectors.mask(builder, count), vector, vectors.ZEROS)


def _store(vector, pointer, count):
    pointer[: min(count, LANES)] = vector


# load(pointer, count): the first `count` entries, at most LANES; zeros behind them.
load = _operation(lambda p, count: p[: min(count, LANES)].copy(), _emit_load, VECTOR, FLOATS, int64)
# store(vector, pointer, count): write the first `count` lanes.
store = _operation(_store, _emit_store, void, VECTOR, FLOATS, int64)
# fill(number): in every lane.
fill = _operation(lambda number: number, vectors.splat, VECTOR, float32)
add = _operation(np.add, ir.IRBuilder.fadd, VECTOR, VECTOR, VECTOR)
subtract = _operation(np.subtract, ir.IRBuilder.fsub, VECTOR, VECTOR, VECTOR)
multiply = _operation(np.multiply, ir.IRBuilder.fmul, VECTOR, VECTOR, VECTOR)
divide = _operation(np.divide, ir.IRBuilder.fdiv, VECTOR, VECTOR, VECTOR)
# multiply_add(x, y, z): x y + z.
multiply_add = _operation(
    lambda x, y, z: x * y + z, vectors.multiply_add, VECTOR, VECTOR, VECTOR, VECTOR
)
# first(vector, count): its first `count` entries; zeros behind them.
first = _operation(lambda x, count: x, _emit_first, VECTOR, VECTOR, int64)
# total(vector): the sum of its entries.
total = _operation(np.sum, vectors.total, float32, VECTOR)
# larger(x, y): lane by lane, or NaN where there is one.
larger = _operation(np.maximum, _emit_larger, VECTOR, VECTOR, VECTOR)
# where_equal(x, y, then, otherwise): lane by lane; NaN equals everything.
where_equal = _operation(
    lambda x, y, then, otherwise: np.where(~(x != y) | (x != x), then, otherwise),
    _emit_where_equal,
    VECTOR,
    *[VECTOR] * 4,
)


@register_jitable
def move(source, out, count):
    """out[count] = source[count]."""
    for j in range(0, count, LANES):
        store(load(at(source, j), count - j), at(out, j), count - j)


@register_jitable
def spread(line, lines, width, out, onto):
    """Every line of out[lines, width] = line[width], added to what is there if `onto`."""
    for j in range(0, width, LANES):
        found = load(at(line, j), width - j)
        for i in range(j, j + lines * width, width):
            both = add(found, load(at(out, i), width - j)) if onto else found
            store(both, at(out, i), width - j)


@register_jitable
def sum_lines(source, lines, width, out):
    """out[width] = the sum of the lines of source[lines, width]."""
    for j in range(0, width, LANES):
        found = load(at(source, j), width - j)
        for i in range(1, lines):
            found = add(found, load(at(source, i * width + j), width - j))
        store(found, at(out, j), width - j)
