"""Convolution in NumPy, for any float type."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import (
    BIASES,
    HEIGHT,
    INPUTS,
    KERNEL_HEIGHT,
    KERNEL_WIDTH,
    OUT_HEIGHT,
    OUT_WIDTH,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    STRIDE,
    WEIGHTS,
    WIDTH,
)


def images(row, workspace, start, batch):
    """The `batch` images from `start`, as a view [batch, height, width, channels]."""
    flat = matrix(workspace, start, batch, row[INPUTS])
    return flat.reshape(batch, row[HEIGHT], row[WIDTH], -1)


def _padding(row):
    total = [
        max((row[out] - 1) * row[STRIDE] + row[kernel] - row[size], 0)
        for size, kernel, out in (
            (HEIGHT, KERNEL_HEIGHT, OUT_HEIGHT),
            (WIDTH, KERNEL_WIDTH, OUT_WIDTH),
        )
    ]
    return [(0, 0), *((extra // 2, extra - extra // 2) for extra in total), (0, 0)]


def _windows(row, padded):
    """View [batch, out height, out width, kernel height, kernel width, channels] of `padded`."""
    shape = row[KERNEL_HEIGHT], row[KERNEL_WIDTH]
    windows = sliding_window_view(padded, shape, (1, 2), writeable=True)
    strided = windows[:, :: row[STRIDE], :: row[STRIDE]]
    return strided[:, : row[OUT_HEIGHT], : row[OUT_WIDTH]].transpose(0, 1, 2, 4, 5, 3)


def _operands(row, parameters, workspace, batch):
    """Patches [batch, positions, taps], and filters [filters, taps]."""
    padded = np.pad(images(row, workspace, row[SOURCE], batch), _padding(row))
    positions = row[OUT_HEIGHT] * row[OUT_WIDTH]
    patches = _windows(row, padded).reshape(batch, positions, -1)
    filters = row[OUTPUTS] // positions
    return patches, matrix(parameters, row[WEIGHTS], filters, patches.shape[2])


def convolution_forward(row, parameters, gradient, workspace, batch):
    """Every patch times every filter."""
    patches, weights = _operands(row, parameters, workspace, batch)
    biases = matrix(parameters, row[BIASES], 1, len(weights))
    result = patches @ weights.T + biases
    matrix(workspace, row[RESULT], batch, row[OUTPUTS])[:] = result.reshape(batch, -1)


def convolution_backward(row, parameters, gradient, workspace, batch):
    """The chain rule through `convolution_forward`."""
    patches, weights = _operands(row, parameters, workspace, batch)
    filters, taps = weights.shape
    error = matrix(workspace, row[RESULT_GRADIENT], batch, row[OUTPUTS])
    error = error.reshape(batch, -1, filters)
    by_weights = np.tensordot(error, patches, ((0, 1), (0, 1)))
    matrix(gradient, row[WEIGHTS], filters, taps)[:] = by_weights
    matrix(gradient, row[BIASES], 1, filters)[:] = error.sum((0, 1))
    if row[SOURCE_GRADIENT] >= 0:
        target = images(row, workspace, row[SOURCE_GRADIENT], batch)
        padding = _padding(row)
        padded = np.pad(np.zeros_like(target), padding)
        windows = _windows(row, padded)
        pasted = (error @ weights).reshape(windows.shape)
        for i in range(row[KERNEL_HEIGHT]):
            for j in range(row[KERNEL_WIDTH]):
                windows[:, :, :, i, j] += pasted[:, :, :, i, j]
        (top, _), (left, _) = padding[1:3]
        target[:] = padded[:, top : top + row[HEIGHT], left : left + row[WIDTH]]
