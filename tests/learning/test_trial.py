"""Other settings in the middle of training: a trainer goes on with them, and a trial tells."""

import attrs
import numpy as np
import pytest

from gossipfl.errors import ConfigError
from gossipfl.learning.learner import Adjustable
from gossipfl.learning.personal import PersonalLearner, personalise
from gossipfl.learning.settings import TrainingSettings
from gossipfl.learning.training import Trainer
from gossipfl.learning.trial import Trial
from gossipfl.models.personalisation import Personalisation, split
from tests.learning.test_training import SPEC, blobs, trainer

BEFORE = TrainingSettings(momentum=0.9, learning_rate=0.02)
SLOWER = attrs.evolve(BEFORE, learning_rate=0.001, batch_size=7, local_steps=3, momentum=0.5)
START = SPEC.initial(0)
ZEROS = np.zeros_like(START)


def personal() -> PersonalLearner:
    settings = Personalisation(private=("head",), private_steps=2)
    learner = personalise(trainer(BEFORE), split(SPEC, settings.private), settings, START)
    assert isinstance(learner, PersonalLearner)
    return learner


def test_a_trainer_goes_on_with_other_settings_as_one_that_had_them_would():
    one, other = trainer(BEFORE), trainer(SLOWER)
    parameters = one.fit(START, ZEROS).parameters
    other.restore(one.snapshot())
    one.adjust(SLOWER)
    np.testing.assert_array_equal(
        one.fit(parameters, ZEROS).parameters, other.fit(parameters, ZEROS).parameters
    )
    assert one.snapshot() == other.snapshot()


@pytest.mark.parametrize("change", [{"momentum": 0.0}, {"class_weights": (1.0, 2.0, 1.0)}])
def test_what_a_trainer_has_begun_with_it_keeps(change):
    one = trainer(BEFORE)
    before = one.snapshot()
    with pytest.raises(ConfigError):
        one.adjust(attrs.evolve(BEFORE, **change))
    assert (one.settings, one.snapshot()) == (BEFORE, before)


@pytest.mark.parametrize("make", [lambda: trainer(BEFORE), personal])
def test_a_fork_leaves_its_learner_as_it_is(make):
    alone, forked = make(), make()
    assert isinstance(forked, Adjustable)
    start = START[: forked.size]
    correction = np.full(forked.size, 0.1, np.float32)
    fork = forked.fork(SLOWER)
    for _ in range(3):
        start_too = fork.fit(start, correction).parameters
        fork.evaluate(start_too)
    np.testing.assert_array_equal(
        alone.fit(start, correction).parameters, forked.fit(start, correction).parameters
    )
    assert alone.snapshot() == forked.snapshot()
    assert (forked.settings, fork.settings) == (BEFORE, SLOWER)


def run(settings: TrainingSettings, rounds: int = 30) -> Trial:
    learner: Trainer = trainer(BEFORE, data=blobs(seed=1))
    trial = Trial(learner, settings, START, ZEROS)
    for _ in range(rounds):
        trial.advance()
    return trial


def test_equal_settings_are_worth_the_same_to_the_bit():
    before, after = run(BEFORE).evaluate()
    assert before == after


def test_settings_that_hardly_learn_fall_behind():
    before, after = run(attrs.evolve(BEFORE, learning_rate=1e-6)).evaluate()
    assert after.loss > 2 * before.loss


def test_settings_that_diverge_fail_and_harm_nobody():
    trial = run(attrs.evolve(BEFORE, learning_rate=10.0, momentum=0.99, weight_decay=0.1), 200)
    assert trial.failed
    before, _ = trial.evaluate()
    assert before.accuracy is not None
    assert before.accuracy > 0.9
