"""What kernels take and return, in words that need no Numba.

A parameter is a scalar, a Pointer, an Array or a tuple of parameters, which pass side by side.
A kernel that takes arrays is a function of Python's: machine code looks into the head of each, and
answers MISTAKEN or below where one is not what it has to be.
"""

import attrs

F4, F8, I4, I8, U1, U8 = "f4", "f8", "i4", "i8", "u1", "u8"

MISTAKEN = -1000
"""The result where the first array is not of the kind that is needed; 1 less for each behind it."""


@attrs.frozen
class Pointer:
    """To entries of this type, as many as the kernel is told otherwise."""

    of: str


@attrs.frozen
class Array:
    """C-contiguous and aligned, in native byte order, of exactly this type."""

    of: str
    dimensions: int = 1
    written: bool = False


Parameter = str | Pointer | Array | tuple["Parameter", ...]


@attrs.frozen
class Signature:
    """result: a scalar, or "" for none; with arrays, there is one."""

    result: str
    parameters: tuple[Parameter, ...]

    @property
    def arrays(self) -> int:
        """How many there are."""
        return sum(isinstance(part, Array) for part in leaves(self.parameters))

    @property
    def count(self) -> int:
        """Of all parameters."""
        return len(leaves(self.parameters))


def leaves(parameter: Parameter) -> list[str | Pointer | Array]:
    """Of nested tuples."""
    if isinstance(parameter, tuple):
        return [leaf for part in parameter for leaf in leaves(part)]
    return [parameter]


def read(of: str, dimensions: int = 1) -> Array:
    """An array that may be read-only."""
    return Array(of, dimensions)


def written(of: str, dimensions: int = 1) -> Array:
    """An array that the kernel writes to."""
    return Array(of, dimensions, written=True)


FLOATS, DOUBLES, INTEGERS = Pointer(F4), Pointer(F8), Pointer(I8)

# row, parameters, gradient, workspace, batch, shared kernels
LAYER = Signature("", (INTEGERS, FLOATS, FLOATS, FLOATS, I8, INTEGERS))
# source, width, rows, how many rows, out
GATHER = Signature("", (FLOATS, I8, INTEGERS, I8, FLOATS))
# settings of the step, vectors, size
OPTIMIZER = Signature("", (DOUBLES, FLOATS, I8))
# table, its layers, parameters, size, out
WEIGHING = Signature("", (INTEGERS, I8, FLOATS, I8, FLOATS))
# a, row stride, column stride; b, row stride; out, row stride; m, n, k; add
PRODUCT = Signature("", (FLOATS, I8, I8, FLOATS, I8, FLOATS, I8, I8, I8, I8, I8))
# a, starts of its rows, of its columns; the rest as above
LISTED_PRODUCT = Signature("", (FLOATS, INTEGERS, INTEGERS, *PRODUCT.parameters[3:]))

UNEQUAL, OUTSIDE = -1, -2
"""Complaints of kernels about sizes, and about an index."""

# program: (table, kernels of its rows, shared kernels)
_PROGRAM = (read(I8, 2), read(I8, 2), read(I8))
_GIVEN = (read(F4), read(F4), read(F4), read(F4, 2))
_MEMORY = (written(F4, 2), written(F4))
_RESULTS = (written(F4), written(F4, 2), written(F8))
_DATA = (read(F4, 2), read(F4, 2))
RUN_STEPS = Signature(
    F8, (_PROGRAM, read(F8, 2), I8, I8, _GIVEN, _DATA, read(I8, 2), _MEMORY, _RESULTS)
)
RUN_GRADIENT = Signature(F8, (_PROGRAM, written(F4, 2), written(F4), I8))
RUN_FORWARD = Signature(I8, (_PROGRAM, read(F4), written(F4), I8))

DRAW_ORDERS = Signature(I8, (U8, U8, written(U8), written(I8), written(U8, 2)))

DIFFERENCE = Signature(F8, (read(F4), read(F4), written(F4)))
ADVANCE = Signature(I8, (written(F4), read(F4), read(F4)))
APPROACH = Signature(I8, (written(F4), read(F4), F8))

_SPARSE = (read(I4), read(F4), F8)  # indices, values, weight
SCATTER_ADD = Signature(I8, (written(F4), *_SPARSE))
ADD_TWO = Signature(I8, (written(F4), *_SPARSE, *_SPARSE))
DISPLACE = Signature(I8, (written(F4), written(F4), F8, *_SPARSE, *_SPARSE))
# model; control variate, its gain; average, share of the anchor in it; anchor; theirs; ours;
# whether ours come first
MERGE = Signature(
    I8, (written(F4), written(F4), F8, written(F4), F8, written(F4), *_SPARSE, *_SPARSE, I8)
)

_ROOM = (written(I4), written(F4), written(U1), written(U1), written(F8))
ENCODE = Signature(I8, (read(F4), read(F4), I8, I8, I8, read(I8), read(F8), _ROOM, written(U1)))
DECODE = Signature(I8, (read(U1), I8, read(I8), read(F4), _ROOM))
