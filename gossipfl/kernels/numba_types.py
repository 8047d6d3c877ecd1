"""Signatures in Numba's words."""

from numba.core import types

from gossipfl.kernels.signatures import Array, Pointer

SCALARS = {
    **{"f4": types.float32, "f8": types.float64, "i4": types.int32, "i8": types.int64},
    **{"u1": types.uint8, "u8": types.uint64, "": types.void},
}


def numba_type(parameter):
    """Of a parameter, nested as it is."""
    if isinstance(parameter, tuple):
        return types.Tuple([numba_type(part) for part in parameter])
    if isinstance(parameter, Pointer):
        return types.CPointer(SCALARS[parameter.of])
    if isinstance(parameter, Array):
        return types.Array(SCALARS[parameter.of], parameter.dimensions, "C")
    return SCALARS[parameter]
