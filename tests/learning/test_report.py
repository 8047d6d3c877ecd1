"""Figures about predictions, against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.data.dataset import Dataset
from gossipfl.errors import DataError
from gossipfl.learning.evaluation import evaluate_outputs
from gossipfl.learning.report import (
    ClassReport,
    LabelReport,
    ValueReport,
    judge_outputs,
    label_probabilities,
    probabilities,
)


def truth(targets) -> Dataset:
    zeros = np.zeros((len(targets), 1), np.float32)
    return Dataset(features=zeros, targets=targets, columns=("x",), source="test")


def test_confusion_and_recall():
    logits = np.array([[2, 1, 0], [0, 3, 0], [5, 0, 0], [0, 0, 0]], np.float32)
    report = judge_outputs("cross-entropy", logits, truth(np.array([0, 1, 1, 0])))
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
    report = judge_outputs("cross-entropy", logits, truth(targets))
    found = evaluate_outputs("cross-entropy", logits, targets[:, None].astype(np.float32))
    assert isinstance(report, ClassReport)
    assert report.accuracy == pytest.approx(found.accuracy)
    assert report.loss == pytest.approx(found.loss)


def test_values():
    outputs = np.array([[1, 0], [2, 0], [4, 0]], np.float32)
    report = judge_outputs(
        "squared-error", outputs, truth(np.array([[1, 5], [2, 5], [3, 5]], np.float32))
    )
    assert isinstance(report, ValueReport)
    assert report.rmse == pytest.approx((3**-0.5, 5))
    assert report.r_squared == (pytest.approx(0.5), None)
    assert report.score == pytest.approx(0.5)


def test_a_regression_in_which_nothing_varies_has_no_score_to_speak_of():
    ones = np.ones((2, 1), np.float32)
    assert judge_outputs("huber", ones, truth(ones)).score == 0


def test_one_logit_tells_two_classes():
    logits, targets = np.array([[2], [-1], [3], [-4]], np.float32), np.array([1, 1, 1, 0])
    report = judge_outputs("binary", logits, truth(targets))
    assert isinstance(report, ClassReport)
    assert report.confusion.tolist() == [[1, 0], [1, 2]]
    found = evaluate_outputs("binary", logits, targets[:, None].astype(np.float32))
    assert (found.accuracy, found.loss) == (report.accuracy, pytest.approx(report.loss))
    np.testing.assert_allclose(probabilities(logits)[:, 1], label_probabilities(logits)[:, 0])


def test_labels_are_judged_one_by_one():
    logits = np.array([[2, -1], [-1, -1], [1, -3]], np.float32)
    report = judge_outputs("binary", logits, truth(np.array([[1, 0], [1, 0], [0, 0]], np.float32)))
    assert isinstance(report, LabelReport)
    assert report.accuracy == (pytest.approx(1 / 3), 1)
    assert report.recall == (0.5, None)
    assert report.precision == (0.5, None)
    assert report.score == pytest.approx(2 / 3)
    with pytest.raises(DataError, match="0 and 1"):
        judge_outputs("binary", logits, truth(logits))


def test_huber_is_quadratic_near_and_linear_far():
    found = evaluate_outputs("huber", np.array([[0.5], [-3]], np.float32), np.zeros((2, 1), "f4"))
    assert found.loss == pytest.approx((0.125 + 2.5) / 2)
    assert found.error == pytest.approx(((0.25 + 9) / 2) ** 0.5)


def test_weights_count_in_the_loss_but_not_in_the_accuracy():
    logits = np.array([[1, 0], [1, 0]], np.float32)
    targets, weights = np.array([[0], [1]], np.float32), np.array([1, 3], np.float32)
    found = evaluate_outputs("cross-entropy", logits, targets, weights)
    right, wrong = np.log1p(np.exp(-1)), np.log1p(np.exp(1))
    assert found.loss == pytest.approx((right + 3 * wrong) / 4)
    assert found.accuracy == 0.5


def test_probabilities_add_up_and_survive_extreme_logits():
    found = probabilities(np.array([[0, 0], [3e38, -3e38], [1, 2]], np.float32))
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_allclose(found[0], 0.5)
    assert found[1].tolist() == [1, 0]


def test_a_sure_mistake_costs_much_but_not_everything():
    report = judge_outputs("cross-entropy", np.array([[1e6, 0]], np.float32), truth(np.array([1])))
    assert isinstance(report, ClassReport)
    assert 100 < report.loss < 1e6
