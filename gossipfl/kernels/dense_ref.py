"""The fully connected layer in NumPy, for any float type: the gradient check uses float64."""

from gossipfl.kernels.layout import (
    BIASES,
    COUNT,
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


def vectors(row, workspace, column, size, batch):
    """The [batch times COUNT, entries] at a slot of `size` entries an example."""
    return matrix(workspace, row[column], batch * row[COUNT], row[size] // row[COUNT])


def views(row, vector):
    """Weights [outputs, inputs] and biases [outputs]."""
    outputs, inputs = row[OUTPUTS] // row[COUNT], row[INPUTS] // row[COUNT]
    weights = matrix(vector, row[WEIGHTS], outputs, inputs)
    return weights, vector[row[BIASES] : row[BIASES] + outputs]


def dense_forward(row, parameters, gradient, workspace, batch):
    """result = source times weights transposed + biases."""
    weights, biases = views(row, parameters)
    source = vectors(row, workspace, SOURCE, INPUTS, batch)
    vectors(row, workspace, RESULT, OUTPUTS, batch)[:] = source @ weights.T + biases


def dense_backward(row, parameters, gradient, workspace, batch):
    """The chain rule through `dense_forward`."""
    source = vectors(row, workspace, SOURCE, INPUTS, batch)
    error = vectors(row, workspace, RESULT_GRADIENT, OUTPUTS, batch)
    by_weights, by_biases = views(row, gradient)
    by_weights[:], by_biases[:] = error.T @ source, error.sum(0)
    if row[SOURCE_GRADIENT] >= 0:
        weights, _ = views(row, parameters)
        vectors(row, workspace, SOURCE_GRADIENT, INPUTS, batch)[:] = error @ weights
