"""The fully connected layer: result = source times weights transposed + biases."""

from gossipfl.kernels.calls import LAYER, at, call_product, kernel
from gossipfl.kernels.layout import (
    BIASES,
    INPUTS,
    MULTIPLY,
    MULTIPLY_TRANSPOSED,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
)


@kernel(LAYER)
def dense_forward(row, parameters, gradient, workspace, batch, shared):
    """Fill the layer's result slot for the first `batch` rows of its source slot."""
    inputs, outputs = row[INPUTS], row[OUTPUTS]
    source = (at(workspace, row[SOURCE]), inputs, 1)
    weights = (at(parameters, row[WEIGHTS]), inputs)
    result, biases = at(workspace, row[RESULT]), at(parameters, row[BIASES])
    call_product(
        shared[MULTIPLY_TRANSPOSED],
        (source, weights, (result, outputs), (batch, outputs, inputs), 0),
    )
    for i in range(batch):
        for j in range(outputs):
            result[i * outputs + j] += biases[j]


@kernel(LAYER)
def dense_backward(row, parameters, gradient, workspace, batch, shared):
    """Turn the result's gradient into those of parameters and, if wanted, source."""
    inputs, outputs = row[INPUTS], row[OUTPUTS]
    error, source = at(workspace, row[RESULT_GRADIENT]), at(workspace, row[SOURCE])
    biases = at(gradient, row[BIASES])
    transposed, target = (error, 1, outputs), (at(gradient, row[WEIGHTS]), inputs)
    sizes = (outputs, inputs, batch)
    call_product(shared[MULTIPLY], (transposed, (source, inputs), target, sizes, 0))
    for j in range(outputs):
        biases[j] = 0
    for i in range(batch):
        for j in range(outputs):
            biases[j] += error[i * outputs + j]
    if row[SOURCE_GRADIENT] >= 0:
        weights = (at(parameters, row[WEIGHTS]), inputs)
        target = (at(workspace, row[SOURCE_GRADIENT]), inputs)
        sizes = (batch, inputs, outputs)
        call_product(shared[MULTIPLY], ((error, outputs, 1), weights, target, sizes, 0))
