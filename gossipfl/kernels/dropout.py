"""Inverted dropout (Srivastava et al. 2014): in training, entries become 0 with the chance `rate`
and the others 1 / (1 - rate) times as large; in prediction, nothing happens.

Which ones is told by the node's seed, the step, the layer's place and the entry's, so that a step
can be repeated to the bit: entry 4 i + j is word j of the counter (i, step) under the key (seed,
place).  Scratch holds the factors of all entries, in whole blocks of four.
"""

import numpy as np

from gossipfl.kernels.arrays import copy
from gossipfl.kernels.calls import at, kernel
from gossipfl.kernels.layout import (
    CLOCK,
    INPUTS,
    RESULT,
    RESULT_GRADIENT,
    SCRATCH,
    SEED,
    SOURCE,
    SOURCE_GRADIENT,
    THRESHOLD,
    TRAINING,
)
from gossipfl.kernels.philox import words
from gossipfl.kernels.signatures import LAYER

u8, i8 = np.uint64, np.int64
ZERO, NONE = np.float32(0), np.uint64(0)
DRAWS = 1 << 32  # values of a word


@kernel(LAYER)
def dropout_forward(row, parameters, gradient, workspace, batch, shared):
    """result = source times the factors, which stay for the way back."""
    source, result = at(workspace, row[SOURCE]), at(workspace, row[RESULT])
    factors, size = at(workspace, row[SCRATCH]), batch * row[INPUTS]
    if workspace[TRAINING] == ZERO:
        copy(source, result, size)
        return
    key, step = (u8(workspace[SEED]), u8(row[RESULT] % DRAWS)), u8(workspace[CLOCK])
    threshold, scale = row[THRESHOLD], np.float32(DRAWS / (DRAWS - row[THRESHOLD]))
    for i in range((size + 3) // 4):
        a, b, c, d = words((u8(i), step, NONE, NONE), key)
        factors[4 * i] = ZERO if i8(a) < threshold else scale
        factors[4 * i + 1] = ZERO if i8(b) < threshold else scale
        factors[4 * i + 2] = ZERO if i8(c) < threshold else scale
        factors[4 * i + 3] = ZERO if i8(d) < threshold else scale
    for i in range(size):
        result[i] = source[i] * factors[i]


@kernel(LAYER)
def dropout_backward(row, parameters, gradient, workspace, batch, shared):
    """The gradient takes the same factors; where nothing was dropped, it passes."""
    if row[SOURCE_GRADIENT] < 0:
        return
    error, target = at(workspace, row[RESULT_GRADIENT]), at(workspace, row[SOURCE_GRADIENT])
    factors, size = at(workspace, row[SCRATCH]), batch * row[INPUTS]
    if workspace[TRAINING] == ZERO:
        copy(error, target, size)
        return
    for i in range(size):
        target[i] = error[i] * factors[i]
