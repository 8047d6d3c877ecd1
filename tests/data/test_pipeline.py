"""Readings become model inputs in one way."""

import numpy as np

from gossipfl.data.basis import parse_basis
from gossipfl.data.dataset import Dataset
from gossipfl.data.pipeline import own_scale, prepare, transform
from gossipfl.data.statistics import apply


def readings(rows: int, columns: int = 6) -> Dataset:
    features = np.random.default_rng(0).normal(3, 2, (rows, columns)).astype(np.float32)
    names = tuple(f"c{i}" for i in range(columns))
    return Dataset(features=features, targets=np.arange(rows) % 2, columns=names, source="test")


def test_without_statistics_only_the_basis_works():
    data, basis = readings(20), parse_basis("dct1:3x2:2")
    found = prepare(basis, data, None)
    np.testing.assert_array_equal(found.features, basis.transform(data.features))
    assert found.columns == ("input0", "input1", "input2", "input3")
    assert found.features is not data.features


def test_standardised_first_then_projected():
    data, basis = readings(20), parse_basis("dct1:3x2:2")
    scale = own_scale("channel:2", data)
    assert scale is not None
    expected = basis.transform(apply(scale, data.features))
    np.testing.assert_array_equal(transform(basis, data.features, scale), expected)


def test_own_statistics():
    data = readings(200)
    scale = own_scale("feature", data)
    assert scale is not None
    standardised = transform(parse_basis("identity"), data.features, scale)
    np.testing.assert_allclose(standardised.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(standardised.std(0), 1, atol=1e-5)
    assert own_scale("none", data) is None


def test_too_few_rows_are_not_standardised():
    scale = own_scale("feature", readings(9))
    assert scale is not None
    np.testing.assert_array_equal(scale.mean, 0)
    np.testing.assert_array_equal(scale.inverse_deviation, 1)
