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
    CORRECTION,
    FIRST_MOMENT,
    FORWARD,
    GRADIENT,
    INPUTS,
    KIND,
    OUTPUTS,
    PARAMETERS,
    RESULT,
    ROUNDED,
    SCRATCH,
    SEED,
    SOURCE,
    START,
    TRAINING,
    WHOLE,
)


@np.errstate(all="ignore")
def run_steps(program, settings, clock, seed, given, data, batches, memory, results):
    """One step per row of `batches`; returns the mean loss."""
    (table, optimizer), (vectors, workspace), total = program, memory, 0.0
    if not _are_legal(settings, batches, len(data[0])):
        return -1.0
    _load(given, vectors)
    for step, (now, batch) in enumerate(zip(settings, batches, strict=True)):
        workspace[[TRAINING, CLOCK, SEED]] = 1, (clock + step) % WHOLE, seed % WHOLE
        fill(table, data, batch, workspace)
        total += run_gradient(program, vectors, workspace, len(batch))
        prepare(now, vectors)
        optimizer(now, vectors)
    _unload(vectors, results)
    return total / len(batches)


def _are_legal(settings, batches, rows):
    """Whether kernels may use these settings, and batches of a data set of so many rows."""
    # Written so that NaN fails as well.
    legal = ((settings >= 0) & (settings < WHOLE)).all()
    return bool(batches.size and legal and ((batches >= 0) & (batches < rows)).all())


def _load(given, vectors):
    """Make `vectors` ready for the first step."""
    vectors[PARAMETERS], vectors[START], vectors[CORRECTION], moments = given
    vectors[GRADIENT] = vectors[FIRST_MOMENT:START] = 0
    vectors[FIRST_MOMENT : FIRST_MOMENT + len(moments)] = moments


def _unload(vectors, results):
    """The reverse, into other arrays, with the sum of all squares."""
    parameters, moments, squares = results
    parameters[:] = vectors[PARAMETERS]
    moments[:] = vectors[FIRST_MOMENT : FIRST_MOMENT + len(moments)]
    squares[0] = sum(np.dot(array.ravel(), array.ravel()) for array in (parameters, moments))


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
    """The outputs of the `batch` inputs that lie in the workspace; returns the parameters that
    layers saw.
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
