"""The learner that keeps a part of the model to itself."""

import msgpack
import numpy as np
import pytest

from gossipfl.data.dataset import Dataset
from gossipfl.errors import StateError
from gossipfl.learning.learner import Learner
from gossipfl.learning.personal import PersonalLearner, decode_own, personalise
from gossipfl.learning.training import Trainer, TrainingDiverged, TrainingSettings
from gossipfl.models.layers import Dense
from gossipfl.models.personalisation import Personalisation, split
from gossipfl.models.sequential import Sequential, perceptron

MODEL = Sequential(*perceptron((6,)), Dense(3), shape=(4,), loss="cross-entropy")
HEAD = split(MODEL, ("head",))
START = MODEL.initial(3)
SHARED, PRIVATE = START[HEAD.shared], START[HEAD.private]
NOTHING = np.zeros(HEAD.size, np.float32)
SETTINGS = TrainingSettings(learning_rate=0.1, momentum=0.5, local_steps=4)


def rows() -> Dataset:
    rng = np.random.default_rng(0)
    classes = np.arange(90) % 3
    features = (2 * np.eye(3, 4)[classes] + rng.normal(0, 0.5, (90, 4))).astype("f4")
    return Dataset(features=features, targets=classes, columns=tuple("abcd"), source="blobs")


def trainer(settings: TrainingSettings = SETTINGS) -> Trainer:
    return Trainer(MODEL, rows(), rows(), settings, seed=5)


def personal(settings: TrainingSettings = SETTINGS, **changes: object) -> PersonalLearner:
    wanted = Personalisation(**{"private": ("head",), **changes})
    return PersonalLearner(trainer(settings), HEAD, wanted, START)


def own(learner: PersonalLearner) -> np.ndarray:
    return decode_own(learner.snapshot(), HEAD).private


def test_where_nothing_is_personal_there_is_nothing_between():
    plain = trainer()
    assert personalise(plain, split(MODEL, ()), Personalisation(), START) is plain
    np.testing.assert_array_equal(plain.complete(START), START)


def test_only_the_shared_part_is_shown():
    learner: Learner = personal()
    assert (learner.size, learner.samples) == (HEAD.size, 90)
    assert learner.step_size == trainer().step_size
    assert learner.fit(SHARED, NOTHING).parameters.shape == (HEAD.size,)
    np.testing.assert_array_equal(personal().complete(SHARED), START)


def test_both_parts_train_as_one_where_nobody_mixes():
    """FedPer on a lone node is plain training."""
    plain, learner, whole, shared = trainer(), personal(), START, SHARED
    for _ in range(5):
        whole = plain.fit(whole, np.zeros_like(whole)).parameters
        shared = learner.fit(shared, NOTHING).parameters
    np.testing.assert_array_equal(learner.complete(shared), whole)
    assert learner.evaluate(shared) == plain.evaluate(whole)


def test_the_correction_reaches_the_shared_part_only():
    push = np.ones(HEAD.size, np.float32)
    plain, pushed = personal(), personal()
    still, moved = (
        each.fit(SHARED, c).parameters for each, c in ((plain, NOTHING), (pushed, push))
    )
    assert (moved - still).mean() == pytest.approx(SETTINGS.learning_rate * 4, rel=0.3)


def test_frozen_entries_stay_as_they_are_to_the_bit():
    learner = trainer()
    learner.fit(START, np.zeros_like(START))  # momentum that would move them
    fit = learner.fit(START, np.ones_like(START), steps=7, frozen=HEAD.shared)
    np.testing.assert_array_equal(fit.parameters[HEAD.shared], SHARED)
    assert (fit.parameters[HEAD.private] != PRIVATE).all()
    assert fit.steps == 7


def test_freezing_nothing_changes_nothing():
    nothing = np.zeros(0, np.int64)
    one, other = trainer(), trainer()
    first = one.fit(START, np.zeros_like(START), frozen=nothing)
    second = other.fit(START, np.zeros_like(START))
    np.testing.assert_allclose(first.parameters, second.parameters, rtol=1e-5, atol=1e-7)
    assert first.loss == pytest.approx(second.loss)


def test_parts_train_in_turn():
    """FedRep: the private steps see the shared part as it came, the others the new private one."""
    learner, plain = personal(private_steps=6), trainer()
    zeros = np.zeros_like(START)
    middle = plain.fit(START, zeros, steps=6, frozen=HEAD.shared).parameters
    end = plain.fit(middle, zeros, frozen=HEAD.private).parameters
    np.testing.assert_array_equal(learner.fit(SHARED, NOTHING).parameters, end[HEAD.shared])
    np.testing.assert_array_equal(own(learner), middle[HEAD.private])


@pytest.mark.parametrize("steps", [0, 3])
def test_training_that_diverges_changes_nothing(steps):
    learner = personal(TrainingSettings(learning_rate=10, local_steps=200), private_steps=steps)
    before = learner.snapshot()
    wild = np.full(HEAD.size, 1e30, np.float32)
    with pytest.raises(TrainingDiverged):
        learner.fit(wild, NOTHING)
    assert learner.snapshot() == before


def test_fine_tuning_takes_the_model_further_and_leaves_training_alone():
    tuned, plain = personal(fine_tune=30), personal()
    before = tuned.evaluate(SHARED)
    assert before.loss < plain.evaluate(SHARED).loss / 2
    for _ in range(3):
        first, second = (each.fit(SHARED, NOTHING) for each in (tuned, plain))
        np.testing.assert_array_equal(first.parameters, second.parameters)
        tuned.evaluate(first.parameters)
    np.testing.assert_array_equal(own(tuned), own(plain))


def test_fine_tuning_that_diverges_is_left_out():
    learner = personal(TrainingSettings(learning_rate=10), fine_tune=10_000, private=())
    wild = np.full(HEAD.size, 1e30, np.float32)
    learner.evaluate(wild)
    np.testing.assert_array_equal(learner.complete(wild), HEAD.join(wild, PRIVATE))


@pytest.mark.parametrize("changes", [{}, {"private_steps": 2}, {"fine_tune": 3}])
def test_a_restored_learner_goes_on_exactly(changes):
    one, other = personal(**changes), personal(**changes)
    shared = one.fit(SHARED, NOTHING).parameters
    one.evaluate(shared)
    other.restore(one.snapshot())
    np.testing.assert_array_equal(one.complete(shared), other.complete(shared))
    again, twin = (each.fit(shared, NOTHING).parameters for each in (one, other))
    np.testing.assert_array_equal(again, twin)
    assert one.snapshot() == other.snapshot()


def damaged() -> list[bytes]:
    good = personal().snapshot()
    version, plain, private, tuning = msgpack.unpackb(good)
    lists = [
        [version + 1, plain, private, tuning],
        [version, None, private, tuning],
        [version, b"", private, tuning],
        [version, plain, private[:-4], tuning],
        [version, plain, private[:-1], tuning],
        [version, plain, None, tuning],
        [version, plain, np.full(len(PRIVATE), np.nan, "<f4").tobytes(), tuning],
        [version, plain, private, b"1234"],
        [version, plain, private],
    ]
    return [*map(msgpack.packb, lists), b"", b"\xc1", good[:-1], good + b"\0", trainer().snapshot()]


@pytest.mark.parametrize("snapshot", damaged())
def test_damaged_snapshots_are_refused_and_change_nothing(snapshot):
    learner = personal()
    learner.fit(SHARED, NOTHING)
    before = learner.snapshot()
    with pytest.raises(StateError):
        learner.restore(snapshot)
    assert learner.snapshot() == before
