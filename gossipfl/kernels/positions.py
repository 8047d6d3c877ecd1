"""A learned offset for every entry of an example, such as the place of each step of a window."""

from gossipfl.kernels.arrays import copy, sum_rows
from gossipfl.kernels.calls import at, kernel
from gossipfl.kernels.layout import (
    INPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
)
from gossipfl.kernels.signatures import LAYER


@kernel(LAYER)
def positions_forward(row, parameters, gradient, workspace, batch, shared):
    """result = source + offsets."""
    size, offsets = row[INPUTS], at(parameters, row[WEIGHTS])
    for i in range(0, batch * size, size):
        source, result = at(workspace, row[SOURCE] + i), at(workspace, row[RESULT] + i)
        for j in range(size):
            result[j] = source[j] + offsets[j]


@kernel(LAYER)
def positions_backward(row, parameters, gradient, workspace, batch, shared):
    """The offsets' gradient is the batch's sum; the source's is the result's."""
    size, error = row[INPUTS], at(workspace, row[RESULT_GRADIENT])
    sum_rows(error, batch, size, at(gradient, row[WEIGHTS]))
    if row[SOURCE_GRADIENT] >= 0:
        copy(error, at(workspace, row[SOURCE_GRADIENT]), batch * size)
