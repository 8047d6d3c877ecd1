"""Figures about predictions, against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.learning.dataset import Dataset
from gossipfl.learning.evaluation import evaluate_outputs
from gossipfl.learning.report import ClassReport, ValueReport, judge_outputs, probabilities


def truth(targets) -> Dataset:
    zeros = np.zeros((len(targets), 1), np.float32)
    return Dataset(features=zeros, targets=targets, columns=("x",), source="test")


def test_confusion_and_recall():
    logits = np.array([[2, 1, 0], [0, 3, 0], [5, 0, 0], [0, 0, 0]], np.float32)
    report = judge_outputs(logits, truth(np.array([0, 1, 1, 0])))
    assert isinstance(report, ClassReport)
    assert report.confusion.tolist() == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert report.recall == [1.0, 0.5, None]
    assert report.accuracy == report.score == 0.75
    assert report.samples == 4


@given(st.integers(1, 50), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_agrees_with_what_nodes_say_of_themselves(rows, classes, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (rows, classes)).astype(np.float32)
    targets = rng.integers(0, classes, rows)
    report = judge_outputs(logits, truth(targets))
    found = evaluate_outputs("cross-entropy", logits, targets[:, None].astype(np.float32))
    assert isinstance(report, ClassReport)
    assert report.accuracy == pytest.approx(found.accuracy)
    assert report.loss == pytest.approx(found.loss)


def test_values():
    outputs = np.array([[1, 0], [2, 0], [4, 0]], np.float32)
    report = judge_outputs(outputs, truth(np.array([[1, 5], [2, 5], [3, 5]], np.float32)))
    assert isinstance(report, ValueReport)
    assert report.rmse == pytest.approx((3**-0.5, 5))
    assert report.r_squared == (pytest.approx(0.5), None)
    assert report.score == pytest.approx(0.5)


def test_a_regression_in_which_nothing_varies_has_no_score_to_speak_of():
    assert judge_outputs(np.ones((2, 1), np.float32), truth(np.ones((2, 1), np.float32))).score == 0


def test_probabilities_add_up_and_survive_extreme_logits():
    found = probabilities(np.array([[0, 0], [3e38, -3e38], [1, 2]], np.float32))
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_allclose(found[0], 0.5)
    assert found[1].tolist() == [1, 0]


def test_a_sure_mistake_costs_much_but_not_everything():
    report = judge_outputs(np.array([[1e6, 0]], np.float32), truth(np.array([1])))
    assert isinstance(report, ClassReport)
    assert 100 < report.loss < 1e6
