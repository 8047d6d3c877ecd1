"""Training steps in NumPy, from the other reference twins.

As in the kernels, a number that overflows becomes infinite in silence: the caller looks.
"""

import numpy as np

from gossipfl.kernels.dense_ref import matrix
from gossipfl.kernels.kinds_ref import LAYERS, LOSSES, OPTIMIZERS
from gossipfl.kernels.layout import (
    BACKWARD,
    CLOCK,
    FORWARD,
    GRADIENT,
    INPUTS,
    KIND,
    NODE_SEED,
    OPTIMIZER,
    OUTPUTS,
    PARAMETERS,
    RESULT,
    SCRATCH,
    SEED,
    SOURCE,
    STEP,
    TRAINING,
    WHOLE,
)


@np.errstate(all="ignore")
def run_steps(table, settings, vectors, data, batches, workspace):
    """One step per row of `batches`; returns the mean loss."""
    total, first = 0.0, int(settings[STEP]) + 1
    workspace[TRAINING], workspace[SEED] = 1, settings[NODE_SEED]
    for step, batch in enumerate(batches, start=first):
        workspace[CLOCK] = step % WHOLE
        fill(table, data, batch, workspace)
        total += run_gradient(table, vectors, workspace, len(batch))
        OPTIMIZERS[settings[OPTIMIZER]](settings, vectors, step)
    return total / len(batches)


@np.errstate(all="ignore")
def run_gradient(table, vectors, workspace, batch):
    """The loss of the batch that lies in the workspace, and its gradient into `vectors`."""
    state = vectors[PARAMETERS], vectors[GRADIENT], workspace, batch
    run_forward(table, vectors[PARAMETERS], workspace, batch)
    LOSSES[table[-1, KIND]](table[-1], *state)
    for row in table[-2::-1]:
        LAYERS[row[KIND]][BACKWARD](row, *state)
    return float(workspace[table[-1, SCRATCH]])


@np.errstate(all="ignore")
def run_forward(table, parameters, workspace, batch):
    """The outputs of the `batch` inputs that lie in the workspace."""
    for row in table[:-1]:
        LAYERS[row[KIND]][FORWARD](row, parameters, None, workspace, batch)


def fill(table, data, batch, workspace):
    """Copy the rows `batch` of features and targets into the workspace."""
    features, targets = data
    first, last = table[0], table[-1]
    matrix(workspace, first[SOURCE], len(batch), first[INPUTS])[:] = features[batch]
    matrix(workspace, last[RESULT], len(batch), last[OUTPUTS])[:] = targets[batch]
