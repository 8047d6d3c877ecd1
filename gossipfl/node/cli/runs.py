"""What simulations have shown, as tables."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gossipfl.node.simulations.study import Study
    from gossipfl.simulation.experiment import Result


def summary(study: "Study") -> str:
    """Of a single run: a few lines of the curve, and what it cost."""
    from rich.console import Console
    from rich.table import Table

    (result,) = study.results
    table = Table(box=None, pad_edge=False)
    own = ("own rows",) if result.curve[0].own else ()
    for column in ("round", "kB per node", "validation", "test", "worst node", "spread", *own):
        table.add_column(column, justify="right")
    step = max(1, len(result.curve) // 12)
    for point in [*result.curve[:-1:step], result.curve[-1]]:
        look = point.average
        scores = (look.validation.mean, look.test.mean, look.test.worst)
        table.add_row(
            f"{point.rounds:.0f}",
            f"{point.sent_bytes / 1000:.1f}",
            *(f"{score:.1%}" for score in scores),
            f"{point.spread:.3g}",
            *([f"{point.own.mean:.1%}"] if point.own else []),
        )
    console = Console(width=100, highlight=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get() + _cost(result, study)


def _cost(result: "Result", study: "Study") -> str:
    sent = sum(result.sent_bytes)
    model_bytes = 4 * result.experiment.manifest.model().parameters
    copies = sent / len(result.sent_bytes) / model_bytes
    lines = [
        f"sent per node: {copies:.2f} of the model's {model_bytes / 1000:.1f} kB, "
        f"{sent / max(1, result.frames):.0f} bytes a frame",
        _rate(study),
    ]
    if result.diverged:
        lines.append(f"{result.diverged} rounds diverged: lower --learning-rate")
    return "\n".join(lines)


def _rate(study: "Study") -> str:
    return f"{study.node_rounds} node-rounds in {study.wall_s:.1f} s: {study.rate:.0f} a second"


def compare(study: "Study") -> str:
    """A line a run, and the mean of every setting over its seeds."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("run")
    for column in ("kB per node", "validation", "test", "worst node"):
        table.add_column(column, justify="right")
    for case, result in zip(study.cases, study.results, strict=True):
        table.add_row(case.label, *_row([result]))
    if len(study.by_setting) < len(study.results):
        table.add_section()
        for setting, several in study.by_setting.items():
            table.add_row(f"mean {setting}".rstrip(), *_row(several))
    console = Console(width=120, highlight=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get() + _rate(study)


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
