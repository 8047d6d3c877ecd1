"""Many simulations at a time, wherever their engine runs them."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from gossipfl.node.simulations.engine import Engine, Handle
from gossipfl.node.simulations.study import Case, Study
from gossipfl.node.simulations.telling import understand
from gossipfl.simulation.experiment import Result
from gossipfl.simulation.measurement import Point

Report = Callable[[int, Point], None]


def run_all(
    cases: Sequence[Case],
    engine: Engine[Handle],
    workers: int | None = None,
    report: Report = lambda number, point: None,
) -> Study:
    """The results, the same on any engine and for any number of workers.

    workers: runs at a time; None: as many as the engine has cores.
    report: hears of every look at a mesh, with the number of its case.
    Raises what a run raises, and StateError when one dies.
    """
    started_s = time.monotonic()
    results = _results(cases, engine, workers or engine.cores, report)
    return Study(cases=cases, results=results, wall_s=time.monotonic() - started_s)


def _results(
    cases: Sequence[Case], engine: Engine[Handle], workers: int, report: Report
) -> list[Result]:
    waiting, running = deque(range(len(cases))), dict[Handle, int]()
    found: dict[int, Result] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                number = waiting.popleft()
                running[engine.start(cases[number])] = number
            for handle in engine.wait(list(running)):
                number = running[handle]
                message = engine.receive(handle)
                result = understand(message, cases[number], partial(report, number))
                if result is not None:
                    found[number] = result
                    del running[handle]
                    engine.stop(handle)
    finally:
        for handle in running:
            engine.stop(handle)
    return [found[number] for number in range(len(cases))]
