"""The best model is kept, and only comparable losses are compared."""

import numpy as np

from gossipfl.learning.best import BestWatch
from gossipfl.learning.learner import Evaluation


def shown(watch, *losses, inputs=b"", samples=10):
    for loss in losses:
        found = Evaluation(loss=loss, accuracy=None, error=None, samples=samples)
        watch.note(found, np.full(2, loss, np.float32), 7, inputs)
    return watch


def test_the_lowest_loss_is_kept():
    watch = shown(BestWatch(None), 3.0, 1.0, 2.0, 1.0, float("nan"))
    assert (watch.kept.loss, watch.kept.round, watch.stale) == (1.0, 7, 3)
    np.testing.assert_array_equal(watch.kept.parameters, 1)
    assert shown(watch, 0.5).stale == 0


def test_a_kept_one_is_still_to_be_beaten_after_a_restart():
    again = BestWatch(shown(BestWatch(None), 1.0).kept)
    assert shown(again, 2.0).kept.loss == 1.0
    assert again.stale == 1


def test_other_readings_begin_the_search_anew():
    watch = shown(BestWatch(None), 1.0, 2.0)
    assert shown(watch, 5.0, inputs=b"new").kept.loss == 5.0
    assert watch.stale == 0


def test_no_held_back_readings_judge_nothing():
    watch = shown(BestWatch(None), 1.0, samples=0)
    assert watch.kept is None
    assert watch.stale == 0
