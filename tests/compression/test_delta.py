"""What a delta says of itself."""

import numpy as np
import pytest

from gossipfl.compression import Delta


def delta(indices, size=5, values=None):
    chosen = np.ones(len(indices), np.float32) if values is None else values
    return Delta(np.array(indices, np.int32), chosen, size)


def test_norm_is_summed_in_double_precision():
    values = np.array([3e30, 4e30], np.float32)
    assert delta([0, 4], values=values).norm() == pytest.approx(5e30, rel=1e-6)


def test_empty():
    assert delta([]).norm() == 0


def test_equality_is_by_content():
    assert delta([1, 2]) == delta([1, 2])
    assert delta([1, 2]) != delta([1, 3])
    assert delta([1, 2]) != delta([1, 2], size=6)
