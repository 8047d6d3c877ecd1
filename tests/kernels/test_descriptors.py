"""Damaged plans and wrong arguments: refused before any memory is touched, or harmless.

What passes the checks runs between guard zones, which have to stay as they were.  The kernels check
nothing, so a hole in the checks ends this process.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossipfl.errors import LocalProtocolError
from gossipfl.kernels import kinds, layout
from gossipfl.learning import execution
from gossipfl.learning.settings import TrainingSettings
from gossipfl.models.plan import LINE, Plan
from tests.kernels import test_fake_quantisation, test_steps
from tests.kernels.test_steps import problem

ARCHITECTURES = [*test_steps.ARCHITECTURES, *test_fake_quantisation.ARCHITECTURES]

BATCH, ROWS, STEPS = 4, 9, 2
GUARD = 4096
CANARY = np.float32(-7.25e33)
SETTINGS = (
    TrainingSettings(momentum=0.9, clip_norm=1.0, proximal=0.1),
    TrainingSettings(optimizer="adam"),
)


def guarded(shape: tuple[int, ...], dtype: Any = np.float32) -> tuple[Any, Any]:
    """(zeros of this shape, on a cache line; the guard zones around them)."""
    size = int(np.prod(shape))
    whole = np.full(size + 2 * GUARD + LINE, CANARY, dtype)
    start = GUARD + -(whole.ctypes.data // whole.itemsize + GUARD) % LINE
    inside = whole[start : start + size]
    inside[:] = 0
    return inside.reshape(shape), (whole[:start], whole[start + size :])


def check_guards(*zones: Any) -> None:
    for zone in zones:
        assert (zone == CANARY).all()


def run_guarded(plan: Plan, data: Any, chosen: TrainingSettings) -> None:
    """Train by `plan` with workspace and vectors between guards, and the inputs unchanged."""
    workspace, around = guarded((plan.workspace,))
    vectors, beside = guarded((layout.VECTORS, plan.parameters))
    vectors[:] = 0.01
    batches = np.random.default_rng(0).integers(0, ROWS, (STEPS, plan.batch))
    before = [array.copy() for array in (*data, batches)]
    with np.errstate(all="ignore"):
        memory = execution.Memory(vectors, workspace)
        course = execution.Course(plan, chosen.kernel, data)
        start = np.full(plan.parameters, 0.01, np.float32)
        moments = np.full((chosen.state_vectors, plan.parameters), 0.01, np.float32)
        given = start, start, start, moments
        course.train(chosen.encode(0, STEPS), (0, 1), given, memory, batches)
    check_guards(*around, *beside)
    for array, kept in zip((*data, batches), before, strict=True):
        np.testing.assert_array_equal(array, kept)


def evil(limit: int) -> st.SearchStrategy[int]:
    """Numbers that break things: borders, signs, overflows, and plausible sizes."""
    near = [0, 1, 2, 3, 4, 7, 8, 16, limit - 1, limit, limit + 1]
    far = [2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1]
    return st.one_of(
        st.sampled_from([*near, *far, -1, -2, -(2**31), -(2**63)]), st.integers(0, limit)
    )


@st.composite
def damages(draw: st.DrawFn) -> tuple[Any, list[tuple[int, int, int]], dict[str, int]]:
    """(model, cells (row, column, number), other fields)."""
    shape = draw(st.sampled_from(ARCHITECTURES))
    plan = problem(shape, 1)[0].plan(BATCH)
    limit = max(plan.workspace, plan.parameters)
    cell = st.tuples(
        st.integers(0, len(plan.table) - 1), st.integers(0, layout.COLUMNS - 1), evil(limit)
    )
    kinds_ = st.sampled_from([*kinds.LAYERS, *kinds.LOSSES, -1, 99])
    kind = st.tuples(st.integers(0, len(plan.table) - 1), st.just(layout.KIND), kinds_)
    cells = draw(st.lists(st.one_of(cell, kind), max_size=3))
    fields = {
        "batch": st.integers(-1, 6),
        "parameters": st.integers(0, 2 * plan.parameters),
        "workspace": st.integers(0, 2 * plan.workspace),
    }
    return shape, cells, draw(st.fixed_dictionaries({}, optional=fields))


def survives(damage: Any, chosen: TrainingSettings) -> bool:
    """Whether the damaged plan was found to be one, and then ran."""
    shape, cells, changes = damage
    spec, data, _ = problem(shape, ROWS)
    plan = spec.plan(BATCH)
    table = plan.table.copy()
    for row, column, number in cells:
        table[row, column] = number
    parts = {"batch": plan.batch, "parameters": plan.parameters, "workspace": plan.workspace}
    try:
        damaged = Plan(table=table, **(parts | changes))
        run_guarded(damaged, data, chosen)
    except LocalProtocolError:
        return False
    return True


@pytest.mark.parametrize("chosen", SETTINGS)
@pytest.mark.parametrize("shape", ARCHITECTURES)
def test_whole_plans_stay_within_their_guards(shape, chosen):
    assert survives((shape, [], {}), chosen)


@given(damages(), st.sampled_from(SETTINGS))
@settings(max_examples=300)
def test_damaged_plans_are_refused_or_harmless(damage, chosen):
    survives(damage, chosen)


@pytest.mark.soak
@given(damages(), st.sampled_from(SETTINGS))
@settings(max_examples=200_000)
def test_damaged_plans_are_refused_or_harmless_for_long(damage, chosen):
    survives(damage, chosen)


@pytest.mark.parametrize("shape", ARCHITECTURES)
def test_slots_are_nobody_elses(shape):
    """Moved onto any other slot, each is refused: it may hold places that a kernel goes to."""
    plan = problem(shape, 1)[0].plan(BATCH)
    places = (layout.SOURCE, layout.RESULT, layout.RESULT_GRADIENT, layout.SCRATCH)
    last = len(plan.table) - 1
    for row, column in ((0, layout.SOURCE), (last, layout.RESULT), (last - 1, layout.RESULT)):
        for other in range(len(plan.table)):
            for place in places:
                table, start = plan.table.copy(), int(plan.table[other, place])
                if start in (-1, table[row, column]):
                    continue
                table[row, column] = start
                with pytest.raises(LocalProtocolError):
                    Plan(
                        table=table,
                        batch=plan.batch,
                        parameters=plan.parameters,
                        workspace=plan.workspace,
                    )


def wrong_arrays(array: Any) -> list[Any]:
    """What is not an array of this type and shape, as kernels read it."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    raw = np.zeros(array.nbytes + 1, np.uint8)
    other = {"f": np.int32, "i": np.float64}[array.dtype.kind]
    by_columns = np.asfortranarray(np.concatenate([array, array]))[: len(array)]
    return [
        *([by_columns] if array.ndim > 1 else []),
        array.astype(other),
        array.astype(array.dtype.newbyteorder()),
        array[..., :-1].copy(),
        np.concatenate([array, array], -1),
        array[None],
        array.ravel()[0],
        wide[..., ::2],
        array[::-1],
        raw[1:].view(array.dtype).reshape(array.shape),
        array.tolist(),
        None,
    ]


SPEC, DATA, START = problem(ARCHITECTURES[2], ROWS)
PLAN = SPEC.plan(BATCH)
ARGUMENTS: dict[str, Any] = {
    "settings": TrainingSettings().encode(0, STEPS),
    "vectors": np.zeros((layout.VECTORS, SPEC.parameters), np.float32),
    "parameters": START,
    "start": START,
    "correction": START,
    "moments": np.zeros((2, SPEC.parameters), np.float32),
    "features": DATA[0],
    "targets": DATA[1],
    "batches": np.zeros((STEPS, BATCH), np.int64),
}


def train(**changes: Any) -> None:
    arrays = {name: array.copy() for name, array in ARGUMENTS.items()} | changes
    data = (arrays["features"], arrays["targets"])
    memory = execution.Memory(arrays["vectors"], np.zeros(PLAN.workspace, np.float32))
    course = execution.Course(PLAN, layout.SGD, data)
    first, start, correction, moments = (
        arrays[name] for name in ("parameters", "start", "correction", "moments")
    )
    given = first, start, correction, moments
    course.train(arrays["settings"], (0, 1), given, memory, arrays["batches"])


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arrays_that_kernels_would_misread_are_refused(name):
    train()
    for bad in wrong_arrays(ARGUMENTS[name]):
        with pytest.raises(LocalProtocolError):
            train(**{name: bad})


def test_no_optimizer_has_more_moments():
    with pytest.raises(LocalProtocolError, match="moments"):
        train(moments=np.zeros((3, SPEC.parameters), np.float32))


def test_vectors_are_written_to():
    vectors = ARGUMENTS["vectors"].copy()
    vectors.flags.writeable = False
    with pytest.raises(LocalProtocolError, match="writable"):
        train(vectors=vectors)


@pytest.mark.parametrize("index", [-1, ROWS, 2**31, 2**62, -(2**63)])
def test_batches_out_of_range_are_refused(index):
    batches = ARGUMENTS["batches"].copy()
    batches[-1, -1] = index
    with pytest.raises(LocalProtocolError):
        train(batches=batches)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, -1e-9, float(layout.WHOLE)])
@pytest.mark.parametrize("column", range(layout.SETTINGS))
def test_settings_out_of_range_are_refused(column, number):
    rows = ARGUMENTS["settings"].copy()
    rows[-1, column] = number
    with pytest.raises(LocalProtocolError):
        train(settings=rows)


@pytest.mark.parametrize("shape", ARCHITECTURES)
@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65])
def test_predictions_stay_within_their_guards(shape, rows):
    spec, _, start = problem(shape, 1)
    features = np.random.default_rng(0).normal(size=(rows, spec.inputs)).astype(np.float32)
    zones: list[Any] = []

    def workspace(plan: Plan) -> Any:
        inside, around = guarded((plan.workspace,))
        zones.extend(around)
        return inside

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution, "_workspace", workspace)
        assert execution.predict(spec, start, features).shape == (rows, spec.outputs)
    check_guards(*zones)
