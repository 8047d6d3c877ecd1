"""Rows of a matrix, copied side by side."""

from gossipfl.kernels.calls import GATHER, at, kernel


@kernel(GATHER)
def gather(source, width, rows, count, out):
    """out[count, width] = the `count` rows of source[any, width] that `rows` names."""
    for i in range(count):
        line, target = at(source, rows[i] * width), at(out, i * width)
        for j in range(width):
            target[j] = line[j]
