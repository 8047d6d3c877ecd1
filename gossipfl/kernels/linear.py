"""One linear map for many vectors, as steps of layers: weights [outputs, inputs] in `sizes`.

Weights are few beside the vectors, so they are transposed first: the quicker product needs that.
"""

from numba.extending import register_jitable

from gossipfl.kernels.arrays import transpose
from gossipfl.kernels.calls import call_product
from gossipfl.kernels.layout import MULTIPLY


@register_jitable
def linear_forward(source, count, weights, sizes, turned, out, add, shared):
    """out[count, outputs] = source[count, inputs] times weights transposed.

    turned: room for the weights.  add: to what is there, if not 0.
    """
    outputs, inputs = sizes
    transpose(weights, outputs, inputs, turned)
    a, b = (source, inputs, 1), (turned, outputs)
    call_product(shared[MULTIPLY], (a, b, (out, outputs), (count, outputs, inputs), add))


@register_jitable
def linear_slopes(source, error, count, sizes, slopes, shared):
    """slopes[outputs, inputs] of the weights, from error[count, outputs]."""
    outputs, inputs = sizes
    a, b, out = (error, 1, outputs), (source, inputs), (slopes, inputs)
    call_product(shared[MULTIPLY], (a, b, out, (outputs, inputs, count), 0))


@register_jitable
def linear_back(error, count, weights, sizes, out, shared):
    """out[count, inputs] = the source's gradient."""
    outputs, inputs = sizes
    a, b = (error, outputs, 1), (weights, inputs)
    call_product(shared[MULTIPLY], (a, b, (out, inputs), (count, inputs, outputs), 0))
