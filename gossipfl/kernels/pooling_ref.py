"""Pools in NumPy, for any float type."""

import numpy as np

from gossipfl.kernels.convolution_ref import images
from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.layout import (
    HEIGHT,
    KERNEL_HEIGHT,
    KERNEL_WIDTH,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
    WIDTH,
)


def _squares(row, workspace, start, batch):
    """View [batch, down, across, channels, kernel height, kernel width] of the images there."""
    found = images(row, workspace, start, batch)
    kernel = row[KERNEL_HEIGHT], row[KERNEL_WIDTH]
    down, across = row[HEIGHT] // kernel[0], row[WIDTH] // kernel[1]
    covered = found[:, : down * kernel[0], : across * kernel[1]]
    i, y, x, c = covered.strides
    shape = (batch, down, across, covered.shape[3], *kernel)
    strides = (i, y * kernel[0], x * kernel[1], c, y, x)
    return np.lib.stride_tricks.as_strided(covered, shape, strides)


def _result(row, workspace, slot, batch):
    shape = batch, row[HEIGHT] // row[KERNEL_HEIGHT], row[WIDTH] // row[KERNEL_WIDTH], -1
    return matrix(workspace, row[slot], batch, row[OUTPUTS]).reshape(shape)


def max_pool_forward(row, parameters, gradient, workspace, batch):
    """The largest of each square."""
    squares = _squares(row, workspace, row[SOURCE], batch)
    _result(row, workspace, RESULT, batch)[:] = squares.max((4, 5))


def max_pool_backward(row, parameters, gradient, workspace, batch):
    """The error to the first largest entry."""
    if row[SOURCE_GRADIENT] < 0:
        return
    squares = _squares(row, workspace, row[SOURCE], batch)
    first = squares.reshape(*squares.shape[:4], -1).argmax(4)[..., None]
    error = _result(row, workspace, RESULT_GRADIENT, batch)[..., None]
    hit = np.arange(row[KERNEL_HEIGHT] * row[KERNEL_WIDTH]) == first
    images(row, workspace, row[SOURCE_GRADIENT], batch)[:] = 0
    target = _squares(row, workspace, row[SOURCE_GRADIENT], batch)
    target[:] = (error * hit).reshape(target.shape)


def average_pool_forward(row, parameters, gradient, workspace, batch):
    """The mean of each square."""
    squares = _squares(row, workspace, row[SOURCE], batch)
    _result(row, workspace, RESULT, batch)[:] = squares.mean((4, 5))


def average_pool_backward(row, parameters, gradient, workspace, batch):
    """An equal share to every entry."""
    if row[SOURCE_GRADIENT] < 0:
        return
    error = _result(row, workspace, RESULT_GRADIENT, batch)[..., None, None]
    images(row, workspace, row[SOURCE_GRADIENT], batch)[:] = 0
    target = _squares(row, workspace, row[SOURCE_GRADIENT], batch)
    target[:] = error / (row[KERNEL_HEIGHT] * row[KERNEL_WIDTH])
