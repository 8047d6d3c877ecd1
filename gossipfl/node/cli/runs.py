"""What several runs of a simulation show, while they run and in the end."""

import json
import os
import statistics
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gossipfl.node.harness.sweep import Case
    from gossipfl.simulation.experiment import Result
    from gossipfl.simulation.measurement import Point


def available_cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Bars:
    """How far each run is and what it has reached, on standard error of a terminal."""

    def __init__(self, cases: Sequence["Case"]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
        console = Console(file=sys.stderr)
        # Drawn by this thread alone: processes are forked meanwhile.
        self._progress = Progress(
            *columns,
            console=console,
            transient=True,
            disable=not console.is_terminal,
            auto_refresh=False,
        )
        self._labels = [case.label for case in cases]
        self._tasks = [
            self._progress.add_task(case.label, total=case.experiment.rounds) for case in cases
        ]

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, number: int, point: "Point") -> None:
        """Take one look at the mesh of one run in."""
        score, sent = point.average.validation.mean, point.sent_bytes / 1000
        text = f"{self._labels[number]}: validation {score:.1%}, {sent:.0f} kB a node"
        task = self._tasks[number]
        self._progress.update(task, completed=point.rounds, description=text, refresh=True)


def as_json_list(results: Sequence["Result"]) -> str:
    """All results, in the order of the runs."""
    return json.dumps([json.loads(result.as_json()) for result in results], indent=1)


def compare(labels: Sequence[str], results: Sequence["Result"], wall_s: float) -> str:
    """A line a run, and the mean of every setting over its seeds."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("run")
    for column in ("kB per node", "validation", "test", "worst node"):
        table.add_column(column, justify="right")
    by_setting: dict[str, list[Result]] = {}
    for label, result in zip(labels, results, strict=True):
        table.add_row(label, *_row([result]))
        by_setting.setdefault(label.rpartition("seed ")[0].rstrip(", "), []).append(result)
    if len(by_setting) < len(results):
        table.add_section()
        for setting, several in by_setting.items():
            table.add_row(f"mean {setting}".rstrip(), *_row(several))
    console = Console(width=120, highlight=False)
    with console.capture() as capture:
        console.print(table)
    rounds = sum(sum(result.rounds) for result in results)
    rate = f"{rounds} node-rounds in {wall_s:.1f} s: {rounds / wall_s:.0f} a second"
    return capture.get() + rate


def _row(results: Sequence["Result"]) -> list[str]:
    """Means, with the standard deviation over seeds where there are several."""
    looks = [result.curve[-1] for result in results]
    scores = [
        [look.average.validation.mean for look in looks],
        [look.average.test.mean for look in looks],
        [look.average.test.worst for look in looks],
    ]
    sent = statistics.mean(look.sent_bytes for look in looks) / 1000
    return [f"{sent:.1f}", *map(_spread, scores)]


def _spread(values: Sequence[float]) -> str:
    mean = f"{statistics.mean(values):.1%}"
    return f"{mean} ± {statistics.stdev(values):.1%}" if len(values) > 1 else mean
