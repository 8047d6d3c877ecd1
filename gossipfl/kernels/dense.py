"""The fully connected layer: result = source times weights transposed + biases, for COUNT vectors
in every example.  Where they are many, scratch holds the weights transposed.
"""

from numba.extending import register_jitable

from gossipfl.kernels.calls import at, call_product, kernel
from gossipfl.kernels.lanes import spread, sum_lines
from gossipfl.kernels.layout import (
    BIASES,
    COUNT,
    INPUTS,
    MULTIPLY_TRANSPOSED,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SCRATCH,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
)
from gossipfl.kernels.linear import linear_back, linear_forward, linear_slopes
from gossipfl.kernels.signatures import LAYER


@kernel(LAYER)
def dense_forward(row, parameters, gradient, workspace, batch, shared):
    """Fill the layer's result slot for the first `batch` rows of its source slot."""
    count, sizes = batch * row[COUNT], _sizes(row)
    outputs, inputs = sizes
    source, result = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    weights, biases = at(parameters, row[WEIGHTS]), at(parameters, row[BIASES])
    spread(biases, count, outputs, result, False)
    if row[COUNT] > 1:
        turned = at(workspace, row[SCRATCH])
        linear_forward(source, count, weights, sizes, turned, result, 1, shared)
        return
    a, b = (source, inputs, 1), (weights, inputs)
    out, shape = (result, outputs), (count, outputs, inputs)
    call_product(shared[MULTIPLY_TRANSPOSED], (a, b, out, shape, 1))


@kernel(LAYER)
def dense_backward(row, parameters, gradient, workspace, batch, shared):
    """Turn the result's gradient into those of parameters and, if wanted, source."""
    count, sizes = batch * row[COUNT], _sizes(row)
    error, source = at(workspace, row[RESULT_GRADIENT]), at(workspace, row[SOURCE])
    linear_slopes(source, error, count, sizes, at(gradient, row[WEIGHTS]), shared)
    sum_lines(error, count, sizes[0], at(gradient, row[BIASES]))
    if row[SOURCE_GRADIENT] >= 0:
        weights, target = at(parameters, row[WEIGHTS]), at(workspace, row[SOURCE_GRADIENT])
        linear_back(error, count, weights, sizes, target, shared)


@register_jitable
def _sizes(row):
    """(outputs, inputs) of one vector."""
    return row[OUTPUTS] // row[COUNT], row[INPUTS] // row[COUNT]
