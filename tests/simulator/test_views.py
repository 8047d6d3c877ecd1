"""Rows of the mixing matrix, and graphs that change on time."""

import numpy as np
import pytest

from gossipfl.simulation.engine import Engine
from gossipfl.simulation.views import Views
from gossipfl.topologies.named import parse_topology


@pytest.mark.parametrize("name", ["ring", "complete", "star", "random:4"])
def test_weights_are_doubly_stochastic(name):
    views = Views(parse_topology(name), 12, Engine())
    matrix = np.zeros((12, 12))
    for node in range(12):
        for other, weight in views.weights(node).items():
            matrix[node, other] = weight
    assert np.allclose(matrix, matrix.T)
    assert np.allclose(matrix.sum(0), 1)
    assert (matrix >= -1e-12).all()


def test_views_are_renewed_on_time():
    engine = Engine()
    views = Views(parse_topology("random:4"), 40, engine, renew_s=10)
    rows = []
    for time_s in (0, 9.9, 10):
        engine.run_until(time_s)
        rows.append([list(views.neighbours(node)) for node in range(40)])
    assert rows[0] == rows[1] != rows[2]
