"""Training steps in NumPy, from the other reference twins; see `kinds_ref.program`.

As in the kernels, a number that overflows becomes infinite in silence: the caller looks.
"""

import numpy as np

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.fake_quantisation_ref import quantise_weights
from gossipfl.kernels.gradients_ref import prepare
from gossipfl.kernels.kinds_ref import LAYERS, LOSSES
from gossipfl.kernels.layout import (
    BACKWARD,
    CLOCK,
    FORWARD,
    GRADIENT,
    INPUTS,
    KIND,
    NODE_SEED,
    OUTPUTS,
    PARAMETERS,
    RESULT,
    ROUNDED,
    SCRATCH,
    SEED,
    SOURCE,
    STEP,
    TRAINING,
)


@np.errstate(all="ignore")
def run_steps(program, settings, vectors, data, batches, workspace):
    """One step per row of `batches`; returns the mean loss."""
    table, optimizer = program
    total = 0.0
    for now, batch in zip(settings, batches, strict=True):
        workspace[[TRAINING, CLOCK, SEED]] = 1, now[STEP], now[NODE_SEED]
        fill(table, data, batch, workspace)
        total += run_gradient(program, vectors, workspace, len(batch))
        prepare(now, vectors)
        optimizer(now, vectors)
    return total / len(batches)


@np.errstate(all="ignore")
def run_gradient(program, vectors, workspace, batch):
    """The loss of the batch that lies in the workspace, and its gradient into `vectors`."""
    table, _ = program
    x = run_forward(program, vectors[PARAMETERS], workspace, batch)
    state = x, vectors[GRADIENT], workspace, batch
    LOSSES[table[-1, KIND]](table[-1], *state)
    for row in table[-2::-1]:
        LAYERS[row[KIND]][BACKWARD](row, *state)
    return float(workspace[table[-1, SCRATCH]])


@np.errstate(all="ignore")
def run_forward(program, parameters, workspace, batch):
    """The outputs of the `batch` inputs that lie in the workspace; returns what stood for the
    parameters.
    """
    table, _ = program
    x = parameters
    if start := table[-1, ROUNDED]:
        x = workspace[start : start + parameters.size]
        quantise_weights(table[:-1], parameters, x)
    for row in table[:-1]:
        LAYERS[row[KIND]][FORWARD](row, x, None, workspace, batch)
    return x


def fill(table, data, batch, workspace):
    """Copy the rows `batch` of features and targets into the workspace."""
    features, targets = data
    first, last = table[0], table[-1]
    matrix(workspace, first[SOURCE], len(batch), first[INPUTS])[:] = features[batch]
    matrix(workspace, last[RESULT], len(batch), last[OUTPUTS])[:] = targets[batch]
