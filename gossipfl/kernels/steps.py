"""Whole training steps in one call: gather, forward, backward, update.  No bounds checks in here:
`gossipfl.learning.execution` validates every argument before it calls.

A `program` is what `kinds.program` makes of a plan.
"""

from numba.extending import register_jitable

from gossipfl.kernels.arrays import ZERO, clear, copy
from gossipfl.kernels.calls import (
    at,
    call_gather,
    call_layer,
    call_optimizer,
    call_weighing,
    kernel,
)
from gossipfl.kernels.layout import (
    BACKWARD,
    CLIP_NORM,
    CLOCK,
    COLUMNS,
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
    SETTINGS,
    SOURCE,
    START,
    TRAINING,
    UPDATE,
    WHOLE,
)
from gossipfl.kernels.signatures import RUN_FORWARD, RUN_GRADIENT, RUN_STEPS


@kernel(RUN_STEPS)
def run_steps(program, settings, clock, seed, given, data, batches, memory, results):
    """One step per row of `batches`; returns the mean loss.

    settings: f64[steps, SETTINGS]; clock: number of the first step; seed: the node's; given:
    (parameters f32[d], where the round began f32[d], correction f32[d], moments f32[k, d], what the
    optimizer knows); data: (features f32[n, inputs], targets f32[n, targets]); batches: i64[steps,
    batch] rows; memory: (f32[VECTORS, d], workspace f32[as planned]); results: room for
    (parameters, moments, f64[1] for the sum of their squares).  A loss of -1 and nothing else when
    settings or batches cannot be used.
    """
    vectors, workspace = memory
    if not _are_legal(settings, batches, data[0].shape[0]):
        return -1.0
    code, source, truths = _code(program), at(data[0], 0), at(data[1], 0)
    kernels, shared, last = code[1:]
    update, numbers, (steps, batch) = kernels[2 * last + UPDATE], at(vectors, 0), batches.shape
    room, size, total = at(workspace, 0), vectors.shape[1], 0.0
    _load(given, numbers, size)
    for s in range(steps):
        now = at(settings, s * SETTINGS)
        room[TRAINING] = 1.0
        room[CLOCK], room[SEED] = (clock + s) % WHOLE, seed % WHOLE
        _fill(code, source, truths, at(batches, s * batch), batch, room)
        total += _gradient(code, numbers, size, room, batch)
        if now[PROXIMAL] > 0 or now[CLIP_NORM] > 0:
            call_optimizer(shared[PREPARE], (now, numbers, size))
        call_optimizer(update, (now, numbers, size))
    _unload(numbers, size, results)
    return total / steps


@register_jitable
def _are_legal(settings, batches, rows):
    """Whether kernels may use these settings, and batches of a data set of so many rows."""
    numbers, picks = at(settings, 0), at(batches, 0)
    fine = batches.size > 0
    for i in range(settings.size):
        fine &= 0 <= numbers[i] < WHOLE  # so that NaN fails as well
    for i in range(batches.size):
        fine &= 0 <= picks[i] < rows
    return fine


@register_jitable
def _load(given, vectors, size):
    """Make f32[VECTORS, size] ready for the first step."""
    parameters, start, correction, moments = given
    copy(at(parameters, 0), at(vectors, PARAMETERS * size), size)
    copy(at(start, 0), at(vectors, START * size), size)
    copy(at(correction, 0), at(vectors, CORRECTION * size), size)
    clear(at(vectors, GRADIENT * size), size)
    copy(at(moments, 0), at(vectors, FIRST_MOMENT * size), moments.size)
    behind = FIRST_MOMENT * size + moments.size
    clear(at(vectors, behind), START * size - behind)


@register_jitable
def _unload(vectors, size, results):
    """The reverse, into other arrays."""
    parameters, moments, squares = results
    first = _move(at(vectors, PARAMETERS * size), at(parameters, 0), size)
    squares[0] = first + _move(at(vectors, FIRST_MOMENT * size), at(moments, 0), moments.size)


@register_jitable(fastmath={"reassoc"})
def _move(source, out, size):
    """out[size] = source[size]; returns the sum of their squares."""
    total = ZERO
    for i in range(size):
        out[i] = source[i]
        total += source[i] * source[i]
    return total


@kernel(RUN_GRADIENT)
def run_gradient(program, vectors, workspace, batch):
    """The loss of the batch that lies in the workspace, and its gradient into `vectors`."""
    return _gradient(_code(program), at(vectors, 0), vectors.shape[1], at(workspace, 0), batch)


@kernel(RUN_FORWARD)
def run_forward(program, parameters, workspace, batch):
    """The outputs of the `batch` inputs that lie in the workspace."""
    _forward(_code(program), at(parameters, 0), parameters.size, at(workspace, 0), batch)
    return 0


@register_jitable
def _code(program):
    """(table, kernels, shared kernels, number of layers).

    Pointers from here on: whoever hands an array on counts its references, several times a layer.
    """
    table, kernels, shared = program
    return at(table, 0), at(kernels, 0), at(shared, 0), table.shape[0] - 1


@register_jitable
def _gradient(code, vectors, size, workspace, batch):
    """The same for f32[VECTORS, size]."""
    table, kernels, shared, last = code
    g = at(vectors, GRADIENT * size)
    x = _forward(code, at(vectors, PARAMETERS * size), size, workspace, batch)
    row = at(table, last * COLUMNS)
    call_layer(kernels[2 * last + LOSS], (row, x, g, workspace, batch, shared))
    loss = workspace[row[SCRATCH]]
    for layer in range(last - 1, -1, -1):
        row = at(table, layer * COLUMNS)
        call_layer(kernels[2 * layer + BACKWARD], (row, x, g, workspace, batch, shared))
    return loss


@register_jitable
def _forward(code, parameters, size, workspace, batch):
    """The same; returns what stood for the parameters.

    A forward pass writes no gradient, so the parameters may stand for it.
    """
    table, kernels, shared, last = code
    x = _rounded(code, parameters, size, workspace)
    for layer in range(last):
        row = at(table, layer * COLUMNS)
        call_layer(kernels[2 * layer + FORWARD], (row, x, x, workspace, batch, shared))
    return x


@register_jitable
def _rounded(code, parameters, size, workspace):
    """The parameters as layers see them: with rounded weights where the plan says so."""
    table, _, shared, last = code
    start = table[last * COLUMNS + ROUNDED]
    if start == 0:
        return parameters
    out = at(workspace, start)
    call_weighing(shared[QUANTISE_WEIGHTS], (table, last, parameters, size, out))
    return out


@register_jitable
def _fill(code, features, targets, rows, batch, workspace):
    """Copy the `rows` of features and targets into the workspace."""
    table, _, shared, last = code
    loss = at(table, last * COLUMNS)
    slot, truth = at(workspace, table[SOURCE]), at(workspace, loss[RESULT])
    call_gather(shared[GATHER], (features, table[INPUTS], rows, batch, slot))
    call_gather(shared[GATHER], (targets, loss[OUTPUTS], rows, batch, truth))
