"""How far simulations are and what they have reached, on standard error of a terminal."""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

    from gossipfl.node.simulations.study import Case
    from gossipfl.simulation.measurement import Point


class Live:
    """A line for every run that is under way, and one for all of them where there are several."""

    def __init__(self, cases: Sequence["Case"]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            *(TextColumn("{task.description}"), BarColumn(bar_width=20), TimeRemainingColumn()),
            TextColumn("{task.fields[seen]}"),
        )
        console = Console(file=sys.stderr)
        # Drawn by this thread alone: processes are forked meanwhile.
        self._progress = Progress(
            *columns,
            console=console,
            transient=True,
            disable=not console.is_terminal,
            auto_refresh=False,
        )
        self._cases = cases
        self._tasks: dict[int, TaskID] = {}
        self._points: dict[int, Point] = {}
        self._started_s = time.monotonic()
        self._all = self._progress.add_task(
            f"{len(cases)} runs", total=len(cases), visible=len(cases) > 1, seen=""
        )

    def __enter__(self) -> "Live":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, number: int, point: "Point") -> None:
        """Take one look at the mesh of one run in."""
        experiment = self._cases[number].experiment
        done = point.time_s / experiment.interval_s
        self._points[number] = point
        task = self._task(number, experiment.rounds)
        self._progress.update(
            task, completed=done, seen=self._seen(number, point), visible=done < experiment.rounds
        )
        self._progress.update(self._all, completed=self._runs(), seen=self._rate(), refresh=True)

    def _task(self, number: int, rounds: int) -> "TaskID":
        """Runs that nobody has heard of have no line yet: there may be a thousand."""
        if number not in self._tasks:
            label = self._cases[number].label
            self._tasks[number] = self._progress.add_task(label, total=rounds, seen="")
        return self._tasks[number]

    def _seen(self, number: int, point: "Point") -> str:
        held, kilobytes = point.average.validation, point.sent_bytes / 1000
        seen = f"validation {held.mean:.1%}, worst {held.worst:.1%}, {kilobytes:.0f} kB a node"
        rate = f", {self._rate()}" if len(self._cases) == 1 else ""
        return f"{seen}, spread {point.spread:.2g}{rate}"

    def _runs(self) -> float:
        """How many have been made, in parts of runs too."""
        total = 0.0
        for number, point in self._points.items():
            experiment = self._cases[number].experiment
            total += point.time_s / (experiment.interval_s * experiment.rounds)
        return total

    def _rate(self) -> str:
        made = sum(
            point.rounds * self._cases[number].experiment.nodes
            for number, point in self._points.items()
        )
        return f"{made / (time.monotonic() - self._started_s):.0f} node-rounds/s"
