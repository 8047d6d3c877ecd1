"""Whole vectors as payloads, for the algorithms that do not compress."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


def pack(vector: Vector) -> bytes:
    """Little-endian float32, 4 bytes an entry, as DenseCodec has them."""
    return vector.astype("<f4").tobytes()


def unpack(payload: bytes) -> Vector:
    """The vector in a payload, read-only."""
    return np.frombuffer(payload, "<f4")
