"""A delta that breaks its rules never comes to be."""

import numpy as np
import pytest

from gossipfl.compression import Delta
from gossipfl.errors import LocalProtocolError


def delta(indices, size=5, values=None, dtype=np.int32):
    chosen = np.ones(len(indices), np.float32) if values is None else values
    return Delta(np.array(indices, dtype), chosen, size)


def test_norm_is_summed_in_double_precision():
    values = np.array([3e30, 4e30], np.float32)
    assert delta([0, 4], values=values).norm() == pytest.approx(5e30, rel=1e-6)


def test_empty():
    assert delta([]).norm() == 0


def test_equality_is_by_content():
    assert delta([1, 2]) == delta([1, 2])
    assert delta([1, 2]) != delta([1, 3])
    assert delta([1, 2]) != delta([1, 2], size=6)


@pytest.mark.parametrize("indices", [[-1], [5], [1, 1], [2, 1], [0, 1, 5], [3, 7, 4]])
def test_indices_must_ascend_in_range(indices):
    with pytest.raises(LocalProtocolError, match="must ascend"):
        delta(indices)


def test_one_value_for_each_index():
    with pytest.raises(LocalProtocolError, match="one value"):
        delta([1, 2], values=np.ones(1, np.float32))


def test_types():
    with pytest.raises(LocalProtocolError, match="int32"):
        delta([1], dtype=np.int64)
    with pytest.raises(LocalProtocolError, match="float32"):
        delta([1], values=np.ones(1))
