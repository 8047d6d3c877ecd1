"""Simulations as a picture: what was reached, against bytes and against rounds."""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from gossipfl.node.simulations.extras import load_extra
from gossipfl.node.simulations.study import Study
from gossipfl.simulation.experiment import Result
from gossipfl.simulation.measurement import Point

COLOURS: Final = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777")
WIDTH_IN, HEIGHT_IN = 11.0, 3.2


@frozen
class Axis:
    """One quantity of a look at the mesh."""

    title: str
    of: Callable[[Point], float]
    logarithmic: bool = False


ACROSS: Final = (
    Axis("kB sent by a node", lambda point: point.sent_bytes / 1000, logarithmic=True),
    Axis("rounds", lambda point: point.rounds),
)
SPREAD: Final = Axis("spread of the models", lambda point: point.spread)


def require() -> None:
    """Raises ConfigError unless plots can be drawn."""
    load_extra("matplotlib", "plot")


def write(study: Study, path: Path) -> None:
    """The picture in the format of the path's suffix; equal results make equal files.

    Raises OSError.
    """
    matplotlib = load_extra("matplotlib", "plot")
    with matplotlib.rc_context({"svg.hashsalt": "gossipfl", "svg.fonttype": "none"}):
        drawn, dated = draw(study), path.suffix.lower() == ".svg"
        drawn.savefig(path, dpi=120, metadata={"Date": None} if dated else None)


def draw(study: Study) -> Any:
    """A matplotlib figure: a colour a setting, a thin line a seed, a thick one their mean."""
    upwards = _upwards(study)
    size = (WIDTH_IN, HEIGHT_IN * len(upwards))
    figure = load_extra("matplotlib.figure", "plot").Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(upwards), len(ACROSS), squeeze=False, sharex="col")
    for row, upward in zip(grid, upwards, strict=True):
        for axes, across in zip(row, ACROSS, strict=True):
            _fill(axes, study, across, upward)
    for axes, across in zip(grid[-1], ACROSS, strict=True):
        axes.set_xlabel(across.title)
    if any(study.by_setting):
        figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _upwards(study: Study) -> list[Axis]:
    first = study.results[0]
    score = "accuracy" if first.experiment.manifest.schema.classes else "R squared"
    found = [
        Axis(f"{score}, mean node", lambda point: point.average.test.mean),
        Axis(f"{score}, worst node", lambda point: point.average.test.worst),
        SPREAD,
    ]
    if any(result.curve[0].own for result in study.results):
        found.append(Axis(f"{score} on own rows", _own))
    return found


def _own(point: Point) -> float:
    return point.own.mean if point.own is not None else math.nan


def _fill(axes: Any, study: Study, across: Axis, upward: Axis) -> None:
    if across.logarithmic:
        axes.set_xscale("log", nonpositive="mask")
    for colour, (setting, results) in zip(cycle(COLOURS), study.by_setting.items()):
        if len(results) > 1:
            for result in results:
                line = [across.of(p) for p in result.curve], [upward.of(p) for p in result.curve]
                axes.plot(*line, color=colour, linewidth=0.7, alpha=0.4)
        means = _mean(results, across), _mean(results, upward)
        axes.plot(*means, color=colour, linewidth=1.8, label=setting)
    axes.set_ylabel(upward.title)
    axes.grid(visible=True, linewidth=0.4)


def _mean(results: Sequence[Result], axis: Axis) -> list[float]:
    """Look by look, over seeds."""
    return [statistics.mean(map(axis.of, points)) for points in _looks(results)]


def _looks(results: Sequence[Result]) -> Iterator[tuple[Point, ...]]:
    return zip(*(result.curve for result in results), strict=True)
