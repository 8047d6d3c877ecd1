"""The fully connected layer: result = activation(source times weights transposed + biases).

Every layer kernel takes its row of the plan, and reads and writes at the offsets named there, so
that one compiled walk serves every architecture.
"""

import numba
import numpy as np

from gossipfl.kernels.gemm import accumulate, multiply_transposed
from gossipfl.kernels.layout import (
    ACTIVATION,
    BIASES,
    INPUTS,
    OUTPUTS,
    RELU,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
)


@numba.njit(nogil=True, cache=True)
def matrix(flat, start, rows, columns):
    """A [rows, columns] view of `flat` from `start`."""
    return flat[start : start + rows * columns].reshape(rows, columns)


@numba.njit(nogil=True, cache=True)
def dense_forward(row, parameters, workspace, batch):
    """Fill the layer's result slot for the first `batch` rows of its source slot."""
    source = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    result = matrix(workspace, row[RESULT], batch, row[OUTPUTS])
    weights = matrix(parameters, row[WEIGHTS], row[OUTPUTS], row[INPUTS])
    biases = parameters[row[BIASES] : row[BIASES] + row[OUTPUTS]]
    multiply_transposed(source, weights, result)
    _add_biases(result, biases)
    if row[ACTIVATION] == RELU:
        _rectify(result)


@numba.njit(nogil=True, cache=True)
def dense_backward(row, parameters, gradient, workspace, batch):
    """Turn the result's gradient (overwritten) into those of parameters and, if wanted, source."""
    source = matrix(workspace, row[SOURCE], batch, row[INPUTS])
    result = matrix(workspace, row[RESULT], batch, row[OUTPUTS])
    error = matrix(workspace, row[RESULT_GRADIENT], batch, row[OUTPUTS])
    if row[ACTIVATION] == RELU:
        _mask(result, error)
    weights_gradient = matrix(gradient, row[WEIGHTS], row[OUTPUTS], row[INPUTS])
    weights_gradient[:] = np.float32(0)
    accumulate(error.T, source, weights_gradient)
    _sum_rows(error, gradient[row[BIASES] : row[BIASES] + row[OUTPUTS]])
    if row[SOURCE_GRADIENT] >= 0:
        source_gradient = matrix(workspace, row[SOURCE_GRADIENT], batch, row[INPUTS])
        source_gradient[:] = np.float32(0)
        weights = matrix(parameters, row[WEIGHTS], row[OUTPUTS], row[INPUTS])
        accumulate(error, weights, source_gradient)


@numba.njit(nogil=True, cache=True)
def _add_biases(result, biases):
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            result[i, j] += biases[j]


@numba.njit(nogil=True, cache=True)
def _rectify(result):
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            if result[i, j] < 0:  # not max(): a NaN must stay visible
                result[i, j] = 0


@numba.njit(nogil=True, cache=True)
def _mask(result, error):
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            if result[i, j] == 0:
                error[i, j] = 0


@numba.njit(nogil=True, cache=True)
def _sum_rows(error, out):
    out[:] = np.float32(0)
    for i in range(error.shape[0]):
        for j in range(error.shape[1]):
            out[j] += error[i, j]
