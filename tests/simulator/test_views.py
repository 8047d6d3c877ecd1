"""Rows of the mixing matrix, and graphs that change on time."""

import numpy as np
import pytest

from gossipfl.errors import ConfigError
from gossipfl.simulation.engine import Engine
from gossipfl.simulation.views import Views
from gossipfl.topologies.edge_list import EdgeList
from gossipfl.topologies.named import parse_topology


@pytest.mark.parametrize("name", ["ring", "complete", "star", "random:4", "scale-free"])
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


def test_a_schedule_has_its_own_weights_and_listeners():
    engine = Engine()
    views = Views(parse_topology("one-peer"), 8, engine, renew_s=1)
    for epoch, step in enumerate((1, 2, 4, 1)):
        engine.run_until(epoch)
        for node in range(8):
            assert list(views.neighbours(node)) == [(node - step) % 8]
            assert list(views.listeners(node)) == [(node + step) % 8]
            assert views.weights(node) == {(node - step) % 8: 0.5, node: 0.5}


def test_the_graph_is_of_those_that_are_known_to_be_live():
    engine, live = Engine(), set(range(8))
    views = Views(parse_topology("ring"), 8, engine, repair_s=10, is_live=live.__contains__)
    live.discard(3)
    assert list(views.neighbours(2)) == [1, 4]
    assert list(views.neighbours(3)) == list(views.listeners(3)) == []
    assert views.weights(3) == {3: 1}
    live.discard(4)
    live.add(3)
    engine.run_until(9.9)
    assert list(views.neighbours(2)) == [1, 4]
    engine.run_until(10)
    assert list(views.neighbours(2)) == [1, 3]
    assert list(views.neighbours(3)) == [2, 5]
    assert views.weights(3) == pytest.approx({2: 1 / 3, 3: 1 / 3, 5: 1 / 3})


def test_weights_by_samples_conserve_the_mean_over_samples():
    samples = [1.0, 5.0, 2.0, 9.0, 4.0, 4.0]
    views = Views(parse_topology("star"), 6, Engine(), mixing="samples", samples=samples)
    total = np.zeros(6)
    for node in range(6):
        for other, weight in views.weights(node).items():
            total[other] += samples[node] * weight
    assert np.allclose(total, samples)


def test_a_graph_for_another_number_of_nodes_is_refused():
    with pytest.raises(ConfigError, match="of 2 nodes, not of 3"):
        Views(EdgeList([("a", "b")]), 3, Engine())
