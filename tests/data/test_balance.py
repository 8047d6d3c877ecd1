"""Balanced class weights: the inverse of the counts."""

import numpy as np
import pytest

from gossipfl.data.balance import RATIO_MAX, balanced_weights
from gossipfl.data.dataset import Dataset
from gossipfl.errors import DataError


def rows(*counts):
    targets = np.repeat(np.arange(len(counts)), counts)
    features = np.zeros((len(targets), 1), np.float32)
    return Dataset(features=features, targets=targets, columns=("x",), source="rows")


def test_all_classes_count_alike():
    assert balanced_weights(rows(60, 20, 30), 3) == (1, 3, 2)
    assert balanced_weights(rows(5000, 1), 2) == (1, RATIO_MAX)


def test_a_class_without_rows_cannot_be_balanced():
    with pytest.raises(DataError, match="class number 1"):
        balanced_weights(rows(3, 0, 2), 3)
