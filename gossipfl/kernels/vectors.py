"""LLVM vector operations that Numba has no words for, as functions on an IR builder.

Numba vectorises loops when it can prove enough; a matrix product needs whole tiles in registers,
which only explicit vectors give.  The width follows the processor; LLVM splits what is too wide.
"""

from contextlib import contextmanager

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils, config


def _features():
    features = config.CPU_FEATURES  # type: ignore[attr-defined]
    return features or llvmlite.binding.get_host_cpu_features().flatten()


FEATURES = frozenset(_features().split(","))
WIDTH = 16 if "+avx512f" in FEATURES else 8 if "+avx" in FEATURES else 4  # SSE and NEON: 4
# Vectors that fit into registers; x86 before AVX-512 has half as many as everybody else.
MANY_REGISTERS = WIDTH == 16 or "+neon" in FEATURES

FLOAT, I1, I32, I64 = ir.FloatType(), ir.IntType(1), ir.IntType(32), ir.IntType(64)
VECTOR, MASK = ir.VectorType(FLOAT, WIDTH), ir.VectorType(I1, WIDTH)
LANES = ir.VectorType(I32, WIDTH)
ZEROS = ir.Constant(VECTOR, [0.0] * WIDTH)
ALIGN = 4  # rows start anywhere


def integer(value):
    """A 64-bit constant."""
    return ir.Constant(I64, value)


def splat(builder, scalar, lanes=VECTOR):
    """A vector with `scalar` in every lane."""
    empty = ir.Constant(lanes, ir.Undefined)
    first = builder.insert_element(empty, scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(LANES, [0] * WIDTH))


def mask(builder, count):
    """True in the first `count` (i64) lanes."""
    counts = splat(builder, builder.trunc(count, I32), LANES)
    return builder.icmp_signed("<", ir.Constant(LANES, list(range(WIDTH))), counts)


def load(builder, pointer, where=None, lanes=VECTOR):
    """The vector at `pointer`; where `where` is False, zeros, and memory is not touched."""
    pointer = builder.bitcast(pointer, lanes.as_pointer())
    if where is None:
        found = builder.load(pointer)
        found.align = ALIGN
        return found
    shape = ir.FunctionType(VECTOR, [pointer.type, I32, MASK, VECTOR])
    name = f"llvm.masked.load.v{WIDTH}f32.p0"
    function = cgutils.get_or_insert_function(builder.module, shape, name)
    return builder.call(function, [pointer, ir.Constant(I32, ALIGN), where, ZEROS])


def store(builder, vector, pointer, where=None):
    """Write `vector` to `pointer`, only where `where` is True."""
    pointer = builder.bitcast(pointer, vector.type.as_pointer())
    if where is None:
        builder.store(vector, pointer).align = ALIGN
        return
    shape = ir.FunctionType(ir.VoidType(), [VECTOR, pointer.type, I32, MASK])
    name = f"llvm.masked.store.v{WIDTH}f32.p0"
    function = cgutils.get_or_insert_function(builder.module, shape, name)
    builder.call(function, [vector, pointer, ir.Constant(I32, ALIGN), where])


def multiply_add(builder, x, y, total):
    """x y + total, fused where the processor can; NaN and infinity pass through."""
    shape = ir.FunctionType(VECTOR, [VECTOR] * 3)
    name = f"llvm.fmuladd.v{WIDTH}f32"
    function = cgutils.get_or_insert_function(builder.module, shape, name)
    return builder.call(function, [x, y, total])


def total(builder, vector):
    """The sum of all lanes, in any order."""
    shape = ir.FunctionType(FLOAT, [FLOAT, VECTOR])
    name = f"llvm.vector.reduce.fadd.v{WIDTH}f32"
    function = cgutils.get_or_insert_function(builder.module, shape, name)
    return builder.call(function, [ir.Constant(FLOAT, -0.0), vector], fastmath=("reassoc",))


def lane_sums(builder, vectors, columns):
    """The sum of all lanes of each vector, as short vectors of `columns` sums each.

    Pairs of vectors are folded into one until each lane is one sum: 15 folds serve 16 vectors,
    where a sum on its own takes 4.
    """
    rows = []
    for start in range(0, len(vectors), WIDTH):
        chunk = vectors[start : start + WIDTH]
        folded = _fold(builder, chunk + [ZEROS] * (WIDTH - len(chunk)))
        for first in range(0, len(chunk), columns):
            rows.append(part(builder, folded, first, columns))
    return rows


def _fold(builder, vectors):
    """Folds stay within groups of four lanes first: x86 has cheaper shuffles for those."""
    for group in (1, 1, 4, 4):
        if len(vectors) > 1:
            vectors = [
                _fold_pair(builder, x, y, group)
                for x, y in zip(vectors[::2], vectors[1::2], strict=True)
            ]
    return vectors[0]


def _fold_pair(builder, x, y, group):
    """Sums of adjoining lanes (within fours), or of adjoining groups of four lanes."""
    lanes = np.arange(2 * WIDTH).reshape(2, -1, 4) if group == 1 else np.arange(2 * WIDTH)
    if group == 1:
        even, odd = (
            np.concatenate([lanes[0, :, part::2], lanes[1, :, part::2]], 1) for part in (0, 1)
        )
    else:
        even, odd = (lanes.reshape(-1, 4)[part::2] for part in (0, 1))
    parts = [ir.Constant(LANES, which.ravel().tolist()) for which in (even, odd)]
    return builder.fadd(*(builder.shuffle_vector(x, y, part) for part in parts))


def join(builder, vectors):
    """All lanes of as many vectors of one length as a power of two, in one."""
    while len(vectors) > 1:
        vectors = [
            builder.shuffle_vector(x, y, _lanes(0, 2 * x.type.count))
            for x, y in zip(vectors[::2], vectors[1::2], strict=True)
        ]
    return vectors[0]


def part(builder, vector, first, count):
    """`count` lanes of a vector from `first` on."""
    return builder.shuffle_vector(vector, vector, _lanes(first, count))


def sum_of(builder, numbers):
    """The sum of all lanes of a vector of integers."""
    half = numbers.type.count
    while half > 1:
        half //= 2
        numbers = builder.add(*(part(builder, numbers, first, half) for first in (0, half)))
    return builder.extract_element(numbers, ir.Constant(I32, 0))


def _lanes(first, count):
    return ir.Constant(ir.VectorType(I32, count), list(range(first, first + count)))


def reaching(builder, numbers, least, bits):
    """True in lanes whose `bits`, of a vector of integers, are at least the scalar `least`."""
    kept = builder.and_(numbers, ir.Constant(LANES, [int(bits)] * WIDTH))
    return builder.icmp_signed(">=", kept, splat(builder, least, LANES))


def how_many(builder, where):
    """The number of lanes that are True, as i64."""
    return builder.zext(builder.ctpop(builder.bitcast(where, ir.IntType(WIDTH))), I64)


def pack(builder, numbers, where):
    """The integers in lanes that are True, side by side from lane 0; the rest is undefined."""
    shape = ir.FunctionType(LANES, [LANES, MASK, LANES])
    name = f"llvm.experimental.vector.compress.v{WIDTH}i32"
    function = cgutils.get_or_insert_function(builder.module, shape, name)
    return builder.call(function, [numbers, where, ir.Constant(LANES, ir.Undefined)])


@contextmanager
def if_worthwhile(builder, count):
    """Around work that `count` lanes need: skipped for none, unless skipping costs more.

    A branch that cannot be foreseen costs more than packing a vector with AVX-512.
    """
    if WIDTH == 16:
        yield
        return
    with builder.if_then(builder.icmp_signed(">", count, integer(0))):
        yield
