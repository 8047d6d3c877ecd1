"""Training steps in NumPy, from the other reference twins."""

from gossipfl.kernels.dense_ref import dense_backward, dense_forward, matrix
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
from gossipfl.kernels.losses_ref import cross_entropy, squared_error
from gossipfl.kernels.optimizers_ref import adam, sgd


def run_steps(table, settings, vectors, data, batches, workspace):
    """One step per row of `batches`; returns the mean loss."""
    total = 0.0
    for step, batch in enumerate(batches, start=1):
        fill(table, data, batch, workspace)
        total += run_gradient(table, vectors, workspace, len(batch))
        if settings[OPTIMIZER] == SGD:
            sgd(settings, vectors)
        else:
            adam(settings, vectors, settings[STEP] + step)
    return total / len(batches)


def run_gradient(table, vectors, workspace, batch):
    """The loss of the batch that lies in the workspace, and its gradient into `vectors`."""
    for row in table[:-1]:
        dense_forward(row, vectors[PARAMETERS], workspace, batch)
    loss = cross_entropy if table[-1, KIND] == CROSS_ENTROPY else squared_error
    value = loss(table[-1], workspace, batch)
    for row in table[-2::-1]:
        dense_backward(row, vectors[PARAMETERS], vectors[GRADIENT], workspace, batch)
    return value


def run_predict(table, parameters, features, workspace, batch, out):
    """out = the model's logits or values, `batch` rows at a time."""
    for start in range(0, len(features), batch):
        rows = features[start : start + batch]
        matrix(workspace, table[0, SOURCE], len(rows), table[0, INPUTS])[:] = rows
        for row in table[:-1]:
            dense_forward(row, parameters, workspace, len(rows))
        last = table[-1]
        out[start : start + batch] = matrix(workspace, last[SOURCE], len(rows), last[INPUTS])


def fill(table, data, batch, workspace):
    """Copy the rows `batch` of features and targets into the workspace."""
    features, targets = data
    first, last = table[0], table[-1]
    matrix(workspace, first[SOURCE], len(batch), first[INPUTS])[:] = features[batch]
    matrix(workspace, last[RESULT], len(batch), last[OUTPUTS])[:] = targets[batch]
