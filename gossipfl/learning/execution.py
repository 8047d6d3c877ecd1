"""The only door to the training kernels, which check nothing: every argument is checked here.

Raises LocalProtocolError for a wrong dtype, shape, layout or index: a bug in the caller.
"""

import math
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import LocalProtocolError
from gossipfl.kernels import layout
from gossipfl.kernels.engine import kinds, steps
from gossipfl.models.plan import LINE, Plan
from gossipfl.models.sequential import Sequential

Floats = NDArray[np.float32]
PREDICT_BATCH = 64
# Comparing types would build these anew a call.
_DTYPES: dict[type[np.generic], np.dtype[Any]] = {
    kind: np.dtype(kind) for kind in (np.float32, np.float64, np.int64)
}
_NONE_YET = object()
_OPTIMIZERS = (layout.SGD, layout.NESTEROV, layout.ADAM)


def check(name: str, array: object, dtype: type[np.generic], shape: tuple[int | None, ...]) -> None:
    """Raise unless `array` is a C-contiguous NumPy array of `dtype` and `shape` (None: any)."""
    if not isinstance(array, np.ndarray) or array.dtype != _DTYPES[dtype]:
        raise LocalProtocolError(f"{name}: an array of {np.dtype(dtype)} is needed")
    # Nearly always equal, and then the entries need not be looked at.
    if array.shape != shape and not _fits(array.shape, shape):
        raise LocalProtocolError(f"{name}: shape {shape} is needed, not {array.shape}")
    flags = array.flags
    if not flags.carray and not (flags.c_contiguous and flags.aligned):
        raise LocalProtocolError(f"{name}: must be C-contiguous and aligned")


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        want in (None, have) for want, have in zip(wanted, shape, strict=True)
    )


def check_data(spec: Sequential, data: tuple[Floats, Floats]) -> None:
    """Raise unless (features, targets) suit the model, class indices included."""
    features, targets = data
    check("features", features, np.float32, (None, spec.inputs))
    check("targets", targets, np.float32, (len(features), spec.target_columns))
    if spec.loss == "cross-entropy" and targets.size:
        whole = bool((targets == np.floor(targets)).all())
        if not whole or targets.min() < 0 or targets.max() >= spec.outputs:
            raise LocalProtocolError(f"targets: class indices 0..{spec.outputs - 1} are needed")


@attrs.frozen(eq=False)
class Memory:
    """What the kernels write to while they train in one plan.

    vectors: f32[VECTORS, d], see `layout`.  workspace: f32[as planned].
    """

    vectors: Floats
    workspace: Floats

    def __attrs_post_init__(self) -> None:
        check("vectors", self.vectors, np.float32, (layout.VECTORS, None))
        check("workspace", self.workspace, np.float32, (None,))
        if not (self.vectors.flags.writeable and self.workspace.flags.writeable):
            raise LocalProtocolError("vectors and workspace: must be writable")

    def suits(self, plan: Plan) -> bool:
        """Whether all ranges of the plan lie inside."""
        shapes = self.vectors.shape, self.workspace.shape
        return shapes == ((layout.VECTORS, plan.parameters), (plan.workspace,))

    def release(self, plan: Plan) -> None:
        """Let the next training in this plan have it.  Not after numbers that are not finite."""
        plan.spare.append(self)


def take_memory(plan: Plan) -> Memory:
    """Memory of the plan that nobody else holds; its contents are whatever was left there.

    Pages that are new to the process cost more than training a small model in them.
    """
    try:
        memory: Memory = plan.spare.pop()
    except IndexError:
        vectors = np.empty((layout.VECTORS, plan.parameters), np.float32)
        memory = Memory(vectors, _workspace(plan))
    return memory


Given = tuple[Floats, Floats, Floats, Floats]
"""What steps begin with: parameters f32[d], where the round began f32[d], the correction f32[d]
that is added to every step, and moments f32[k, d], what the optimizer knows."""

Trained = tuple[Floats, Floats, float, bool]
"""What steps led to: parameters f32[d], moments f32[k, d], the mean loss, and whether all of these
are finite."""


class Course:
    """Training by one plan and optimizer on one set of rows, which are checked here for all steps.

    optimizer: SGD, NESTEROV or ADAM.  data: (features, targets) that have passed `check_data`.
    """

    def __init__(self, plan: Plan, optimizer: int, data: tuple[Floats, Floats]) -> None:
        features, targets = data
        check("features", features, np.float32, (None, plan.inputs))
        check("targets", targets, np.float32, (len(features), plan.targets))
        if optimizer not in _OPTIMIZERS:
            raise LocalProtocolError("an optimizer is needed")
        self.plan = plan
        self._data = data
        self._program = kinds.program(plan.table, optimizer)
        self._squares = np.empty(1)
        # What passed the checks last passes again: nobody gives an array another shape.
        self._memory: object = _NONE_YET
        self._settings: object = _NONE_YET
        self._first: object = _NONE_YET
        self._correction: object = _NONE_YET
        self._moments: object = _NONE_YET

    def train(
        self,
        settings: NDArray[np.float64],
        clock: tuple[int, int],
        given: Given,
        memory: Memory,
        batches: NDArray[np.int64],
    ) -> Trained:
        """One step per row of `batches`.

        settings f64[steps, SETTINGS], clock (steps made before, the node's seed), batches
        i64[steps, batch] of row indices.  Releases the GIL.
        """
        first, start, correction, kept = given
        known = first is start is self._first and correction is self._correction
        if not known or kept is not self._moments:
            self._check_given(given)
        if memory is not self._memory or settings is not self._settings:
            self._check_pace(memory, settings)
        check("batches", batches, np.int64, (len(settings), self.plan.batch))
        made, seed = clock
        parameters = np.empty(self.plan.parameters, np.float32)
        moments = np.empty(kept.shape, np.float32) if len(kept) else kept
        loss = steps.run_steps(
            self._program,
            settings,
            (made + 1) % layout.WHOLE,
            seed % layout.WHOLE,
            given,
            self._data,
            batches,
            (memory.vectors, memory.workspace),
            (parameters, moments, self._squares),
        )
        if loss < 0:
            last = len(self._data[0]) - 1
            raise LocalProtocolError(f"settings 0..{layout.WHOLE} and rows 0..{last} are needed")
        self._moments = moments
        finite = math.isfinite(loss) and math.isfinite(self._squares[0])
        return parameters, moments, loss, finite

    def _check_given(self, given: Given) -> None:
        """Raise unless all are vectors of the plan's length."""
        first, _, correction, moments = given
        for name, vector in zip(("parameters", "start", "correction"), given, strict=False):
            check(name, vector, np.float32, (self.plan.parameters,))
        check("moments", moments, np.float32, (None, self.plan.parameters))
        if len(moments) > layout.START - layout.FIRST_MOMENT:
            raise LocalProtocolError("moments: more than any optimizer has")
        self._first, self._correction, self._moments = first, correction, moments

    def _check_pace(self, memory: Memory, settings: NDArray[np.float64]) -> None:
        if not memory.suits(self.plan):
            raise LocalProtocolError("memory: must be as the plan has it")
        check("settings", settings, np.float64, (None, layout.SETTINGS))
        self._memory, self._settings = memory, settings


def _workspace(plan: Plan) -> Floats:
    """Zeros, starting on a cache line as the plan's slots do."""
    spare = np.zeros(plan.workspace + LINE, np.float32)
    start = -(spare.ctypes.data // spare.itemsize) % LINE
    return spare[start : start + plan.workspace]


def predict(spec: Sequential, parameters: Floats, features: Floats) -> Floats:
    """f32[n, outputs]: logits or values for `features` f32[n, inputs].  Releases the GIL."""
    check("parameters", parameters, np.float32, (spec.parameters,))
    check("features", features, np.float32, (None, spec.inputs))
    plan = spec.plan(PREDICT_BATCH)
    out = np.empty((len(features), spec.outputs), np.float32)
    workspace = _workspace(plan)
    program = kinds.program(plan.table, layout.SGD)
    for start in range(0, len(features), PREDICT_BATCH):
        rows = features[start : start + PREDICT_BATCH]
        workspace[_source(plan, 0, len(rows))] = rows.reshape(-1)
        steps.run_forward(program, parameters, workspace, len(rows))
        results = workspace[_source(plan, -1, len(rows))]
        out[start : start + PREDICT_BATCH] = results.reshape(len(rows), spec.outputs)
    return out


def _source(plan: Plan, row: int, batch: int) -> slice:
    """Where `batch` examples of a row's source lie in the workspace."""
    start = int(plan.table[row, layout.SOURCE])
    return slice(start, start + batch * int(plan.table[row, layout.INPUTS]))
