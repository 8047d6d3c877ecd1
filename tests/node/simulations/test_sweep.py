"""Sweeps over processes or a Ray cluster give what one process gives, and lose no error."""

import os

import pytest

from gossipfl.errors import ConfigError, StateError
from gossipfl.node.simulations import processes
from gossipfl.node.simulations.processes import Processes
from gossipfl.node.simulations.ray_cluster import RayCluster
from gossipfl.node.simulations.study import Case
from gossipfl.node.simulations.sweep import run_all
from gossipfl.simulation.experiment import run
from tests.simulator.task import experiment, rows

# Ray warns of its own future.
CLUSTER = pytest.param(
    lambda: RayCluster("local"), marks=pytest.mark.filterwarnings("ignore"), id="ray"
)
ENGINES = pytest.mark.parametrize("engine", [pytest.param(Processes, id="processes"), CLUSTER])


@pytest.fixture(autouse=True)
def with_what_it_takes(request):
    if "ray" in request.node.name:
        pytest.importorskip("ray")


def cases(count: int, **changes):
    return [
        Case(experiment(rounds=6, evaluate_every=3, seed=seed, **changes), rows())
        for seed in range(count)
    ]


def check(engine, count, workers):
    made, seen = cases(count), []
    found = run_all(made, engine, workers, lambda number, point: seen.append((number, point)))
    expected = [run(case.experiment, case.rows) for case in made]
    assert [each.plain() for each in found.results] == [each.plain() for each in expected]
    for number, result in enumerate(expected):
        assert [point for of, point in seen if of == number] == list(result.curve[1:])


@ENGINES
def test_results_do_not_depend_on_where_or_how_many_at_a_time(engine):
    with engine() as running:
        assert running.cores >= 1
        for count, workers in ((1, None), (3, 1), (3, 5)):
            check(running, count, workers)


@ENGINES
def test_an_error_is_raised_with_the_name_of_its_run(engine):
    with engine() as running:
        with pytest.raises(ConfigError, match=r"seed [01]: topology 'moebius' is unknown"):
            run_all(cases(2, topology="moebius"), running)
        check(running, 1, None)  # and the engine goes on


def test_a_process_that_dies_is_told(monkeypatch):
    monkeypatch.setattr(processes, "tell", lambda case: os._exit(9))
    with Processes() as running, pytest.raises(StateError, match="ended early"):
        run_all(cases(2), running)


class Deadly(Case):
    """Ends whatever process it is sent to."""

    def __reduce__(self):
        return os._exit, (9,)


@pytest.mark.filterwarnings("ignore")
def test_a_ray_task_that_dies_is_told():
    made = cases(1)[0]
    with RayCluster("local") as running, pytest.raises(StateError, match="ended early"):
        run_all([Deadly(made.experiment, made.rows)], running)


def test_a_ray_cluster_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    with pytest.raises(ConfigError, match="no Ray cluster at auto"), RayCluster("auto"):
        pass
