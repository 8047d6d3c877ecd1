"""Whole training steps in one call: gather, forward, backward, update.  No bounds checks in here:
`gossipfl.learning.execution` validates every argument before it calls.
"""

import numba
import numpy as np

from gossipfl.kernels.dense import dense_backward, dense_forward, matrix
from gossipfl.kernels.layout import (
    CROSS_ENTROPY,
    GRADIENT,
    INPUTS,
    KIND,
    OPTIMIZER,
    OUTPUTS,
    PARAMETERS,
    RESULT,
    SGD,
    SOURCE,
    STEP,
)
from gossipfl.kernels.losses import cross_entropy, squared_error
from gossipfl.kernels.optimizers import adam, sgd


@numba.njit(nogil=True, cache=True)
def run_steps(table, settings, vectors, data, batches, workspace):
    """One step per row of `batches`, updating `vectors` in place; returns the mean loss.

    table: i64[layers + 1, COLUMNS] plan; settings: f64[SETTINGS]; vectors: f32[VECTORS, d];
    data: (features f32[n, inputs], targets f32[n, targets]); batches: i64[steps, batch] rows;
    workspace: f32[as planned].
    """
    total = 0.0
    for s in range(batches.shape[0]):
        _gather(table, data, batches[s], workspace)
        total += run_gradient(table, vectors, workspace, batches.shape[1])
        if settings[OPTIMIZER] == SGD:
            sgd(settings, vectors)
        else:
            adam(settings, vectors, settings[STEP] + s + 1)
    return total / batches.shape[0]


@numba.njit(nogil=True, cache=True)
def run_gradient(table, vectors, workspace, batch):
    """The loss of the batch that lies in the workspace, and its gradient into `vectors`."""
    last = table.shape[0] - 1
    _forward(table, vectors[PARAMETERS], workspace, batch)
    if table[last, KIND] == CROSS_ENTROPY:
        loss = cross_entropy(table[last], workspace, batch)
    else:
        loss = squared_error(table[last], workspace, batch)
    for layer in range(last - 1, -1, -1):
        dense_backward(table[layer], vectors[PARAMETERS], vectors[GRADIENT], workspace, batch)
    return loss


@numba.njit(nogil=True, cache=True)
def run_predict(table, parameters, features, workspace, batch, out):
    """out[n, outputs] = the model's logits or values for every row, `batch` rows at a time."""
    last = table[table.shape[0] - 1]
    for start in range(0, features.shape[0], batch):
        rows = min(batch, features.shape[0] - start)
        source = matrix(workspace, table[0, SOURCE], rows, table[0, INPUTS])
        result = matrix(workspace, last[SOURCE], rows, last[INPUTS])
        for i in range(rows):
            _copy(features[start + i], source[i])
        _forward(table, parameters, workspace, rows)
        for i in range(rows):
            _copy(result[i], out[start + i])


@numba.njit(nogil=True, cache=True)
def _forward(table, parameters, workspace, batch):
    for layer in range(table.shape[0] - 1):
        dense_forward(table[layer], parameters, workspace, batch)


@numba.njit(nogil=True, cache=True)
def _gather(table, data, batch, workspace):
    features, targets = data
    last = table[table.shape[0] - 1]
    source = matrix(workspace, table[0, SOURCE], batch.size, table[0, INPUTS])
    truth = matrix(workspace, last[RESULT], batch.size, last[OUTPUTS])
    for i in range(batch.size):
        _copy(features[batch[i]], source[i])
        _copy(targets[batch[i]], truth[i])


@numba.njit(nogil=True, cache=True)
def _copy(source, target):
    # Not `target[:] = source`: its error message for unequal lengths costs 5 s of compilation.
    for index in range(source.size):
        i = np.uint64(index)
        target[i] = source[i]
