"""The fully connected layer in NumPy, for any float type: the gradient check uses float64."""

from gossipfl.kernels.layout import (
    BIASES,
    INPUTS,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
)


def matrix(flat, start, rows, columns):
    """A [rows, columns] view of `flat` from `start`."""
    return flat[start : start + rows * columns].reshape(rows, columns)


def dense_forward(row, parameters, gradient, workspace, batch):
    """result = source times weights transposed + biases."""
    source = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    weights = matrix(parameters, row[WEIGHTS], row[OUTPUTS], row[INPUTS])
    result = source @ weights.T + matrix(parameters, row[BIASES], 1, row[OUTPUTS])
    matrix(workspace, row[RESULT], batch, row[OUTPUTS])[:] = result


def dense_backward(row, parameters, gradient, workspace, batch):
    """The chain rule through `dense_forward`."""
    source = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    error = matrix(workspace, row[RESULT_GRADIENT], batch, row[OUTPUTS])
    matrix(gradient, row[WEIGHTS], row[OUTPUTS], row[INPUTS])[:] = error.T @ source
    matrix(gradient, row[BIASES], 1, row[OUTPUTS])[:] = error.sum(0)
    if row[SOURCE_GRADIENT] >= 0:
        weights = matrix(parameters, row[WEIGHTS], row[OUTPUTS], row[INPUTS])
        matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])[:] = error @ weights
