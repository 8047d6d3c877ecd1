"""Whole training steps in one call: gather, forward, backward, update.  No bounds checks in here:
`gossipfl.learning.execution` validates every argument before it calls.

A `program` is what `kinds.program` makes of a plan.
"""

import numba
import numpy as np

from gossipfl.kernels.calls import call_gather, call_layer, call_optimizer, call_weighing
from gossipfl.kernels.layout import (
    BACKWARD,
    CLIP_NORM,
    CLOCK,
    CORRECTION,
    FIRST_MOMENT,
    FORWARD,
    GATHER,
    GRADIENT,
    INPUTS,
    LOSS,
    OUTPUTS,
    PARAMETERS,
    PREPARE,
    PROXIMAL,
    QUANTISE_WEIGHTS,
    RESULT,
    ROUNDED,
    SCRATCH,
    SEED,
    SOURCE,
    START,
    TRAINING,
    UPDATE,
    VECTORS,
    WHOLE,
)


@numba.njit(nogil=True, cache=True)
def run_steps(program, settings, clock, seed, vectors, data, batches, workspace):
    """One step per row of `batches`, updating `vectors` in place; returns the mean loss.

    settings: f64[steps, SETTINGS]; clock: number of the first step; seed: the node's; vectors:
    f32[VECTORS, d]; data: (features f32[n, inputs], targets f32[n, targets]); batches: i64[steps,
    batch] rows; workspace: f32[as planned].
    """
    table, kernels, shared = program
    update, total = kernels[table.shape[0] - 1, UPDATE], 0.0
    for s in range(batches.shape[0]):
        now = settings[s]
        workspace[TRAINING] = 1.0
        workspace[CLOCK], workspace[SEED] = (clock + s) % WHOLE, seed % WHOLE
        _fill(program, data, batches[s], workspace)
        total += run_gradient(program, vectors, workspace, batches.shape[1])
        if now[PROXIMAL] > 0 or now[CLIP_NORM] > 0:
            call_optimizer(shared[PREPARE], (now, vectors, vectors.shape[1]))
        call_optimizer(update, (now, vectors, vectors.shape[1]))
    return total / batches.shape[0]


@numba.njit(nogil=True, cache=True)
def load(parameters, correction, moments, vectors):
    """Make f32[VECTORS, d] ready for the first step from `parameters`, f32[d].

    moments: f32[k, d], what the optimizer knows.
    """
    vectors[PARAMETERS], vectors[START], vectors[CORRECTION] = parameters, parameters, correction
    for row in range(VECTORS):
        if row == GRADIENT or FIRST_MOMENT <= row < START:
            vectors[row] = 0
    for row in range(moments.shape[0]):
        vectors[FIRST_MOMENT + row] = moments[row]


@numba.njit(nogil=True, cache=True, fastmath={"reassoc"})
def unload(vectors, parameters, moments):
    """The reverse of `load`, into other arrays.  Returns the sum of all squares."""
    total = np.float32(0)
    for i in range(parameters.size):
        parameters[i] = vectors[PARAMETERS, i]
        total += parameters[i] * parameters[i]
    for row in range(moments.shape[0]):
        for i in range(parameters.size):
            moments[row, i] = vectors[FIRST_MOMENT + row, i]
            total += moments[row, i] * moments[row, i]
    return total


@numba.njit(nogil=True, cache=True)
def are_legal(settings, batches, rows):
    """Whether kernels may use these settings, and batches of a data set of so many rows."""
    fine = batches.size > 0
    for step in range(settings.shape[0]):
        for number in settings[step]:
            fine &= 0 <= number < WHOLE  # so that NaN fails as well
        for row in batches[step]:
            fine &= 0 <= row < rows
    return fine


@numba.njit(nogil=True, cache=True)
def run_gradient(program, vectors, workspace, batch):
    """The loss of the batch that lies in the workspace, and its gradient into `vectors`."""
    table, kernels, shared = program
    g, last = vectors[GRADIENT], table.shape[0] - 1
    x = run_forward(program, vectors[PARAMETERS], workspace, batch)
    call_layer(kernels[last, LOSS], (table[last], x, g, workspace, batch, shared))
    for layer in range(last - 1, -1, -1):
        call_layer(kernels[layer, BACKWARD], (table[layer], x, g, workspace, batch, shared))
    return workspace[table[last, SCRATCH]]


@numba.njit(nogil=True, cache=True)
def run_forward(program, parameters, workspace, batch):
    """The outputs of the `batch` inputs that lie in the workspace; returns what stood for the
    parameters.

    A forward pass writes no gradient, so the parameters may stand for it.
    """
    table, kernels, shared = program
    x = _rounded(program, parameters, workspace)
    for layer in range(table.shape[0] - 1):
        call_layer(kernels[layer, FORWARD], (table[layer], x, x, workspace, batch, shared))
    return x


@numba.njit(nogil=True, cache=True)
def _rounded(program, parameters, workspace):
    """The parameters as layers see them: with rounded weights where the plan says so."""
    table, _, shared = program
    last = table.shape[0] - 1
    start = table[last, ROUNDED]
    if start == 0:
        return parameters
    out = workspace[start:]
    call_weighing(shared[QUANTISE_WEIGHTS], (table, last, parameters, parameters.size, out))
    return out


@numba.njit(nogil=True, cache=True)
def _fill(program, data, batch, workspace):
    """Copy the rows `batch` of features and targets into the workspace."""
    table, _, shared = program
    features, targets = data
    first, last = table[0], table[table.shape[0] - 1]
    slot, truth = workspace[first[SOURCE] :], workspace[last[RESULT] :]
    call_gather(shared[GATHER], (features, first[INPUTS], batch, batch.size, slot))
    call_gather(shared[GATHER], (targets, last[OUTPUTS], batch, batch.size, truth))
