"""From a residual to the bytes of a payload, and from bytes to entries, each in one call.

Calling a kernel costs more than running one over a small model, so that the steps of the codec are
called from here.  `room` is memory that both write to: int32[d], float32[d], uint8[d],
uint8[2 x tensors] and float64[1].
"""

import numpy as np

from gossipfl.kernels.calls import kernel
from gossipfl.kernels.payload_ref import CODES_AMISS
from gossipfl.kernels.quantisation import dequantise, quantise
from gossipfl.kernels.rice import read_payload, write_payload
from gossipfl.kernels.selection import select_top
from gossipfl.kernels.signatures import DECODE, ENCODE


@kernel(ENCODE)
def encode(model, anchor, wanted, floor, mark_bits, stops, borders, room, out):
    """Write what stands for model - anchor; return its bytes, or -1 if it is not finite.

    model, anchor: float32[d].  The last of `room` begins with the length of their difference.
    wanted, floor: as for `selection.select_top`.  stops, borders, mark_bits: as for
    `quantisation.quantise`.  out: uint8, as for `rice.write_payload`.
    """
    places, chosen, marks, codes, length = room
    found = select_top(model, anchor, wanted, floor, places, chosen, length)
    if found < 0:
        return -1
    if found == 0:
        out[0] = 0
        return 1
    indices, values, own = places[:found], chosen[:found], marks[:found]
    groups = quantise(values, indices, stops, borders, mark_bits, own, codes)
    held = values.view(np.int32)  # they have been marked, and are not needed any more
    return write_payload(indices, own, codes[:groups], mark_bits, model.size, held, out)


@kernel(DECODE)
def decode(stream, size, stops, scales, room):
    """Find indices and values, the first in `room`; return how many, or a complaint below 0.

    stream: any uint8[n] with a word behind it.  size: of the vector.  stops, scales: as for
    `quantisation.dequantise`.
    """
    indices, values, marks, codes, _ = room
    found, given = read_payload(stream, size, indices, marks, codes)
    if found <= 0:
        return found
    own = marks[:found]
    groups = dequantise(indices[:found], own, stops, codes[:given], scales, values)
    return found if groups == given else CODES_AMISS
