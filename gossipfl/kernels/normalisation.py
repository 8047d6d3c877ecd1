"""Layer normalisation (Ba et al. 2016, arXiv:1607.06450): every example to mean 0, variance 1.

    y = gain (x - mean) / sqrt(variance + EPSILON) + bias

Scratch holds the normalised x [batch, INPUTS], then 1 / sqrt(variance + EPSILON) [batch].
"""

import math

import numpy as np

from gossipfl.kernels.arrays import clear
from gossipfl.kernels.calls import LAYER, at, kernel
from gossipfl.kernels.layout import (
    BIASES,
    OUTPUTS,
    RESULT,
    RESULT_GRADIENT,
    SCRATCH,
    SOURCE,
    SOURCE_GRADIENT,
    WEIGHTS,
)

EPSILON = 1e-5
ONE = np.float32(1)


@kernel(LAYER, {"contract"})
def layer_norm_forward(row, parameters, gradient, workspace, batch, shared):
    """Fill the layer's result; sums are made in float64."""
    width, scratch = row[OUTPUTS], at(workspace, row[SCRATCH])
    gains, biases = at(parameters, row[WEIGHTS]), at(parameters, row[BIASES])
    for i in range(batch):
        x, out = at(workspace, row[SOURCE] + i * width), at(workspace, row[RESULT] + i * width)
        normal, mean, variance = at(scratch, i * width), 0.0, 0.0
        for j in range(width):
            mean += x[j]
        mean /= width
        for j in range(width):
            variance += (x[j] - mean) * (x[j] - mean)
        factor = np.float32(1 / math.sqrt(variance / width + EPSILON))
        middle = np.float32(mean)
        for j in range(width):
            normal[j] = (x[j] - middle) * factor
        for j in range(width):
            out[j] = normal[j] * gains[j] + biases[j]
        scratch[batch * width + i] = factor


@kernel(LAYER, {"contract"})
def layer_norm_backward(row, parameters, gradient, workspace, batch, shared):
    """Gradients of gain and bias and, if wanted, of the source."""
    width, scratch = row[OUTPUTS], at(workspace, row[SCRATCH])
    gains = at(parameters, row[WEIGHTS])
    by_gain, by_bias = at(gradient, row[WEIGHTS]), at(gradient, row[BIASES])
    clear(by_gain, width)
    clear(by_bias, width)
    for i in range(batch):
        error, normal = at(workspace, row[RESULT_GRADIENT] + i * width), at(scratch, i * width)
        for j in range(width):
            by_gain[j] += error[j] * normal[j]
        for j in range(width):
            by_bias[j] += error[j]
        if row[SOURCE_GRADIENT] >= 0:
            out, total, along = at(workspace, row[SOURCE_GRADIENT] + i * width), 0.0, 0.0
            for j in range(width):
                total += error[j] * gains[j]
                along += error[j] * gains[j] * normal[j]
            shift, slope = np.float32(total / width), np.float32(along / width)
            factor = scratch[batch * width + i]
            for j in range(width):
                out[j] = factor * (error[j] * gains[j] - shift - slope * normal[j])
