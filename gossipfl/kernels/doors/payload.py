"""From a residual to the bytes of a payload, and from bytes to entries, each in one call."""

from typing import Any

from gossipfl.kernels.doors import complaint
from gossipfl.kernels.native import Kernel
from gossipfl.kernels.signatures import DECODE, ENCODE, MISTAKEN

ENCODE_KERNEL = Kernel("payload.encode", ENCODE)
DECODE_KERNEL = Kernel("payload.decode", DECODE)


def encode(
    model: Any,
    anchor: Any,
    wanted: int,
    floor: int,
    mark_bits: int,
    stops: Any,
    borders: Any,
    room: Any,
    out: Any,
) -> int:
    """Write what stands for model - anchor, both float32[d]; return its bytes, or -1 if it is not
    finite.

    The last of `room` begins with the length of their difference.  Nobody but `compression` calls
    this, which knows how long all the others must be.
    """
    found: int = ENCODE_KERNEL.call(
        model, anchor, wanted, floor, mark_bits, stops, borders, *room, out
    )
    if found <= MISTAKEN:
        raise complaint(found, "encode")
    return found


def decode(stream: Any, size: int, stops: Any, scales: Any, room: Any) -> int:
    """Find indices and values, the first in `room`; return how many, or a complaint below 0.

    stream: any uint8[n] with a word behind it.  size: of the vector.
    """
    found: int = DECODE_KERNEL.call(stream, size, stops, scales, *room)
    if found <= MISTAKEN:
        raise complaint(found, "decode")
    return found
