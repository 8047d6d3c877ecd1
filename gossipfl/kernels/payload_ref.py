"""NumPy twin of payload.py."""

from gossipfl.kernels.quantisation_ref import dequantise, quantise
from gossipfl.kernels.rice_ref import read_payload, write_payload
from gossipfl.kernels.selection_ref import select_top

CODES_AMISS = -9  # beside what `read_payload` may find


def encode(model, anchor, wanted, floor, mark_bits, stops, borders, room, out):
    """Write what stands for model - anchor; return its bytes, or -1 if it is not finite."""
    places, chosen, marks, codes, length = room
    found = select_top(model, anchor, wanted, floor, places, chosen, length)
    if found <= 0:
        out[0] = 0
        return 1 if found == 0 else -1
    indices, own = places[:found], marks[:found]
    groups = quantise(chosen[:found], indices, stops, borders, mark_bits, own, codes)
    return write_payload(indices, own, codes[:groups], mark_bits, model.size, out)


def decode(stream, size, stops, scales, room):
    """Find indices and values, the first in `room`; return how many, or a complaint below 0."""
    indices, values, marks, codes, _ = room
    found, given = read_payload(stream, size, indices, marks, codes)
    if found <= 0:
        return found
    own = indices[:found], marks[:found]
    groups = dequantise(*own, stops, codes[:given], scales, values[:found])
    return found if groups == given else CODES_AMISS
