"""Rows of a matrix, copied side by side."""

from gossipfl.kernels.calls import at, kernel
from gossipfl.kernels.lanes import move
from gossipfl.kernels.signatures import GATHER


@kernel(GATHER)
def gather(source, width, rows, count, out):
    """out[count, width] = the `count` rows of source[any, width] that `rows` names."""
    if width == 1:
        for i in range(count):
            out[i] = source[rows[i]]
        return
    for i in range(count):
        move(at(source, rows[i] * width), at(out, i * width), width)
