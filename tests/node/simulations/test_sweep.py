"""Sweeps over processes give what one process gives, and lose no error."""

import os

import pytest

from gossipfl.errors import ConfigError, StateError
from gossipfl.node.simulations import sweep
from gossipfl.node.simulations.study import Case
from gossipfl.node.simulations.sweep import run_all
from gossipfl.simulation.experiment import run
from tests.simulator.task import experiment, rows


def cases(count: int, **changes):
    return [
        Case(experiment(rounds=6, evaluate_every=3, seed=seed, **changes), rows())
        for seed in range(count)
    ]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_do_not_depend_on_how_many_work(workers):
    made, seen = cases(3), []
    found = run_all(made, workers, lambda number, point: seen.append((number, point)))
    expected = [run(case.experiment, case.rows) for case in made]
    assert [each.plain() for each in found.results] == [each.plain() for each in expected]
    for number, result in enumerate(expected):
        assert [point for of, point in seen if of == number] == list(result.curve[1:])


def test_one_alone_needs_no_process(monkeypatch):
    monkeypatch.setattr(sweep, "_start", None)
    [only] = cases(1)
    [found] = run_all([only], 4, lambda number, point: None).results
    assert found.plain() == run(only.experiment, only.rows).plain()


def test_an_error_is_raised_with_the_name_of_its_run():
    wrong = cases(2, topology="toros")
    with pytest.raises(ConfigError, match=r"seed [01]: topology 'toros' is unknown"):
        run_all(wrong, 2, lambda number, point: None)


def test_a_process_that_dies_is_told(monkeypatch):
    monkeypatch.setattr(sweep, "run", lambda *_: os._exit(9))
    with pytest.raises(StateError, match="ended early"):
        run_all(cases(2), 2, lambda number, point: None)
