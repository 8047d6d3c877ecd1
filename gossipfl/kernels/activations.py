"""Activations: one function applied to every entry.  Their slopes are told from the result."""

import numpy as np

from gossipfl.kernels.calls import at, kernel
from gossipfl.kernels.elementary import logistic, tanh
from gossipfl.kernels.layout import (
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SOURCE,
    SOURCE_GRADIENT,
)
from gossipfl.kernels.signatures import LAYER

ONE = np.float32(1)
ZERO = np.float32(0)
CONTRACT = {"contract"}


@kernel(LAYER)
def relu_forward(row, parameters, gradient, workspace, batch, shared):
    """result = the positive part of source; not max(): a NaN must stay visible."""
    source, result = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    for i in range(batch * row[OUTPUTS]):
        result[i] = ZERO if source[i] < ZERO else source[i]


@kernel(LAYER)
def relu_backward(row, parameters, gradient, workspace, batch, shared):
    """The gradient passes where the result is not zero."""
    result, error = at(workspace, row[RESULT]), at(workspace, row[RESULT_GRADIENT])
    if row[SOURCE_GRADIENT] >= 0:
        target = at(workspace, row[SOURCE_GRADIENT])
        for i in range(batch * row[OUTPUTS]):
            target[i] = ZERO if result[i] == ZERO else error[i]


@kernel(LAYER, CONTRACT)
def tanh_forward(row, parameters, gradient, workspace, batch, shared):
    """result = tanh(source)."""
    source, result = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    for i in range(batch * row[OUTPUTS]):
        result[i] = tanh(source[i])


@kernel(LAYER, CONTRACT)
def tanh_backward(row, parameters, gradient, workspace, batch, shared):
    """The slope of y = tanh(x) is 1 - y squared."""
    result, error = at(workspace, row[RESULT]), at(workspace, row[RESULT_GRADIENT])
    if row[SOURCE_GRADIENT] >= 0:
        target = at(workspace, row[SOURCE_GRADIENT])
        for i in range(batch * row[OUTPUTS]):
            target[i] = error[i] * (ONE - result[i] * result[i])


@kernel(LAYER, CONTRACT)
def sigmoid_forward(row, parameters, gradient, workspace, batch, shared):
    """result = 1 / (1 + exp(-source))."""
    source, result = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    for i in range(batch * row[OUTPUTS]):
        result[i] = logistic(source[i])


@kernel(LAYER, CONTRACT)
def sigmoid_backward(row, parameters, gradient, workspace, batch, shared):
    """The slope of the logistic function y is y (1 - y)."""
    result, error = at(workspace, row[RESULT]), at(workspace, row[RESULT_GRADIENT])
    if row[SOURCE_GRADIENT] >= 0:
        target = at(workspace, row[SOURCE_GRADIENT])
        for i in range(batch * row[OUTPUTS]):
            target[i] = error[i] * (result[i] * (ONE - result[i]))
