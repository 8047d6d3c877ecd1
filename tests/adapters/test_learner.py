"""A foreign model as a learner: drift correction, failures, local arrays."""

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.adapters.arrays import ArraySpec, Layout
from gossipfl.adapters.learner import ForeignLearner, Trained
from gossipfl.errors import ConfigError, StateError, TrainingFailed
from gossipfl.learning.learner import Evaluation

LAYOUT = Layout(
    [ArraySpec(name="w", shape=(3,)), ArraySpec(name="batches", shape=(), dtype="int64")]
)
ZEROS = np.zeros(3, "f4")


class Bowl:
    """Gradient descent on a quadratic with minimum `centre`; counts its calls beside it."""

    def __init__(self, centre: float = 0.0, rate: float = 0.1, steps: int = 1) -> None:
        self.centre, self.rate, self.steps = centre, rate, steps
        self.curvature = np.array([1.0, 2.0, 3.0])
        self.samples = 10

    def train(self, arrays):
        x, batches = arrays[0].astype("f8"), arrays[1]
        for _ in range(self.steps):
            x = x - self.rate * self.curvature * (x - self.centre)
        return Trained(arrays=[x, batches + 1], samples=self.samples, loss=0.5)

    def evaluate(self, arrays):
        loss = float(np.square(arrays[0] - self.centre).sum())
        return Evaluation(loss=loss, accuracy=None, error=None, samples=5)


def learner(model=None, *, corrected: bool = True) -> ForeignLearner:
    return ForeignLearner(LAYOUT, model or Bowl(), corrected=corrected)


def corrected_each_step(model: Bowl, x, correction, steps: int):
    """The definition: every step also moves by its share of the correction."""
    for _ in range(steps):
        x = x - model.rate * model.curvature * (x - model.centre) + correction / steps
    return x


def split_error(length: float) -> float:
    """How far a fit of this length ends from one that is corrected after every step."""
    steps, start = 2000, np.array([1.0, -1.0, 2.0], "f4")
    correction = np.float32(length) * np.array([0.5, -0.3, 0.7], "f4")
    model = Bowl(centre=0.3, rate=length / steps, steps=steps)
    fit = learner(model).fit(start, correction)
    wanted = corrected_each_step(model, start.astype("f8"), correction.astype("f8"), steps)
    return float(np.abs(fit.parameters - wanted).max())


def test_a_fit_half_as_long_is_corrected_eight_times_as_exactly():
    long, short = split_error(0.4), split_error(0.2)
    assert 5 < long / short < 11


def test_without_correction_the_app_alone_decides():
    start, correction = np.ones(3, "f4"), np.full(3, 9.0, "f4")
    plain = learner(corrected=False)
    assert plain.step_size == 0.0
    np.testing.assert_allclose(plain.fit(start, correction).parameters, [0.9, 0.8, 0.7], rtol=1e-6)


def test_two_unlike_nodes_meet_where_their_sum_is_least():
    """Full mixing after every fit: the correction keeps both at the same, right place."""
    models = [Bowl(centre=-1.0, rate=0.2, steps=4), Bowl(centre=2.0, rate=0.2, steps=4)]
    learners = [learner(model) for model in models]
    controls, mean = [ZEROS.copy(), ZEROS.copy()], ZEROS
    for _ in range(60):
        ends = [
            each.fit(mean, control).parameters
            for each, control in zip(learners, controls, strict=True)
        ]
        mean = (ends[0] + ends[1]) / 2
        controls = [
            c + np.float32(0.5) * (mean - end) for c, end in zip(controls, ends, strict=True)
        ]
    assert np.abs(controls[0] + controls[1]).max() < 1e-5
    np.testing.assert_allclose(mean, 0.5, atol=1e-3)
    for each, control in zip(learners, controls, strict=True):
        np.testing.assert_allclose(each.fit(mean, control).parameters, mean, atol=1e-3)


def test_the_number_of_rows_comes_from_the_app():
    each = learner()
    assert each.samples == 0
    each.try_out(ZEROS)
    assert each.samples == 10
    each._model.samples = 20
    each.fit(ZEROS, ZEROS)
    assert each.samples == 20


def test_trying_out_leaves_no_trace_in_the_local_arrays():
    each = learner()
    before = each.snapshot()
    each.try_out(ZEROS)
    assert each.snapshot() == before
    each.fit(ZEROS, ZEROS)
    assert each.snapshot() != before


def test_local_arrays_survive_a_restart():
    each, again = learner(), learner()
    for _ in range(3):
        each.fit(ZEROS, ZEROS)
    again.restore(each.snapshot())
    assert again.snapshot() == each.snapshot()
    again.fit(ZEROS, ZEROS)
    assert again._local[0] == 4


@pytest.mark.parametrize(
    "snapshot",
    [
        b"",
        b"\xc1",
        msgpack.packb(None),
        msgpack.packb([1]),
        msgpack.packb([1, []]),
        msgpack.packb([1, [b"1234"]]),
        msgpack.packb([1, ["12345678"]]),
        msgpack.packb([1, [b"12345678", b""]]),
        msgpack.packb([2, [b"12345678"]]),
        bytes(100_000),
    ],
)
def test_damaged_snapshots_are_state_errors(snapshot):
    with pytest.raises(StateError, match="snapshot: "):
        learner().restore(snapshot)


@given(st.binary(max_size=60))
def test_junk_is_a_state_error_or_a_snapshot(snapshot):
    each = learner()
    try:
        each.restore(snapshot)
    except StateError:
        return
    assert msgpack.unpackb(each.snapshot())[1] == msgpack.unpackb(snapshot)[1]


class Broken(Bowl):
    def __init__(self, result) -> None:
        super().__init__()
        self.result = result

    def train(self, arrays):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def evaluate(self, arrays):
        return self.train(arrays)


NO_BATCHES = np.zeros((), "i8")


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (ValueError("bad shape\nand more"), r"training failed: ValueError: bad shape \(.*line"),
        (KeyError(), "KeyError: no reason given"),
        (Trained(arrays=[np.full(3, np.nan), NO_BATCHES], samples=1, loss=0), "not finite"),
        (Trained(arrays=[np.full(3, 1e300), NO_BATCHES], samples=1, loss=0), "not finite"),
        (Trained(arrays=[ZEROS, NO_BATCHES], samples=0, loss=0), "0 rows"),
        (Trained(arrays=[ZEROS, NO_BATCHES], samples=2**40, loss=0), "rows"),
        (Trained(arrays=[ZEROS], samples=1, loss=0), "has 1 arrays"),
    ],
)
def test_a_failing_app_costs_one_round_and_changes_nothing(result, said):
    each = learner(Broken(result))
    before = each.snapshot()
    with pytest.raises(TrainingFailed, match=said) as caught:
        each.fit(ZEROS, ZEROS)
    assert "\n" not in str(caught.value)
    assert (each.snapshot(), each.samples) == (before, 0)


@pytest.mark.parametrize(
    "result",
    [OSError("no file"), Evaluation(loss=float("nan"), accuracy=None, error=None, samples=1)],
)
def test_a_failing_evaluation_is_one_line(result):
    with pytest.raises(TrainingFailed, match="evaluation"):
        learner(Broken(result)).evaluate(ZEROS)


def test_errors_of_ours_keep_their_kind():
    with pytest.raises(ConfigError, match="as it is"):
        learner(Broken(ConfigError("as it is"))).fit(ZEROS, ZEROS)
