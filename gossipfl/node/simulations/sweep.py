"""Many simulations over all cores: each in a process of its own, forked with what it needs.

What comes back are lines of JSON, so that nothing is ever pickled.
"""

import json
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

import cattrs
from attrs import asdict

from gossipfl import errors
from gossipfl.errors import GossipFLError, StateError
from gossipfl.node.simulations.study import Case, Study
from gossipfl.simulation.experiment import Result, run
from gossipfl.simulation.measurement import Point

Report = Callable[[int, Point], None]
CRASHED: Final = "a simulation's process ended early: too little memory? Use fewer --workers"


def run_all(cases: Sequence[Case], workers: int, report: Report) -> Study:
    """The results, the same for any number of workers.

    report: hears of every look at a mesh, with the number of its case.
    Raises what a run raises, and StateError when a process dies.
    """
    started_s = time.monotonic()
    results = _results(cases, workers, report)
    return Study(cases=cases, results=results, wall_s=time.monotonic() - started_s)


def _results(cases: Sequence[Case], workers: int, report: Report) -> list[Result]:
    if len(cases) == 1:
        return [run(cases[0].experiment, cases[0].rows, lambda point: report(0, point))]
    waiting, running = deque(range(len(cases))), dict[Connection, tuple[int, BaseProcess]]()
    found: dict[int, Result] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                number = waiting.popleft()
                connection, process = _start(cases[number])
                running[connection] = number, process
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                number, process = running[ready]
                if _take(ready, number, cases[number], found, report):
                    process.join()
                    del running[ready]
    finally:
        for _, process in running.values():
            process.terminate()
    return [found[number] for number in range(len(cases))]


def _start(case: Case) -> tuple[Connection, BaseProcess]:
    # Forked, so that rows need not be copied; nothing but this thread runs in a command.
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(case, theirs), daemon=True)
    process.start()
    theirs.close()
    return ours, process


def _work(case: Case, connection: Connection) -> None:
    """In the child: run, and tell of it."""

    def send(kind: str, content: Any) -> None:
        connection.send_bytes(json.dumps([kind, content]).encode())

    try:
        result = run(case.experiment, case.rows, lambda point: send("look", asdict(point)))
        told = {name: value for name, value in result.plain().items() if name != "experiment"}
        send("result", told)
    except GossipFLError as error:
        send("error", [type(error).__name__, str(error)])
    os._exit(0)  # what the parent has open or registered for its end is not ours to close


def _take(
    connection: Connection, number: int, case: Case, found: dict[int, Result], report: Report
) -> bool:
    """Take one message in; True when it was the case's last."""
    try:
        kind, content = json.loads(connection.recv_bytes())
    except EOFError:
        raise StateError(CRASHED) from None
    if kind == "look":
        report(number, cattrs.structure(content, Point))
        return False
    if kind == "error":
        name, message = content
        raise getattr(errors, name, GossipFLError)(f"{case.label}: {message}")
    content["curve"] = tuple(cattrs.structure(point, Point) for point in content["curve"])
    found[number] = Result(experiment=case.experiment, **content)
    return True
