"""A mesh in the terminal: a table that changes in place, or a line now and then in a log."""

import sys
from collections.abc import Sequence
from typing import Final

import trio
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gossipfl.node.harness.judge import Scores
from gossipfl.node.harness.swarm import View, consensus_distance, distances_from_mean

POLL_S: Final = 0.5
LINE_INTERVAL_S: Final = 5.0


class LiveView:
    """Shows views as they come; use as a context manager."""

    def __init__(self, title: str, model_bytes: int, judge: Scores | None) -> None:
        self._title = title
        self._model_bytes = model_bytes
        self._judge = judge
        self._console = Console(file=sys.stderr)
        self._live = Live(console=self._console, auto_refresh=False)
        self._line_s = -LINE_INTERVAL_S

    def __enter__(self) -> "LiveView":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, views: Sequence[View]) -> None:
        """One look at all nodes."""
        scores = [self._judge.score_view(view) for view in views] if self._judge else []
        if self._console.is_terminal:
            table = self._table(views, scores)
            self._live.update(Group(table, Text(self._summary(views, scores))), refresh=True)
        elif trio.current_time() - self._line_s >= LINE_INTERVAL_S:
            self._line_s = trio.current_time()
            self._console.print(self._summary(views, scores), highlight=False, soft_wrap=True)

    def _table(self, views: Sequence[View], scores: Sequence[float]) -> Table:
        table = Table(title=self._title)
        for column in ("node", "readings", "rounds", "loss", "own check", "unseen"):
            table.add_column(column, justify="right" if column != "node" else "left")
        for column in ("distance", "links", "exchanges", "sent"):
            table.add_column(column, justify="right")
        distances = distances_from_mean([view.parameters for view in views])
        for number, view in enumerate(views):
            table.add_row(*_row(view, scores[number] if scores else None, distances[number]))
        return table

    def _summary(self, views: Sequence[View], scores: Sequence[float]) -> str:
        rounds = min(view.status["rounds"] for view in views)
        sent = sum(view.status["sent_bytes"] for view in views) / len(views)
        distance = consensus_distance([view.parameters for view in views])
        parts = [f"round {rounds}", f"consensus distance {distance:.3f}"]
        if scores:
            mean = sum(scores) / len(scores)
            parts.append(f"unseen: mean {_percent(mean)}, worst node {_percent(min(scores))}")
        ratio = sent / self._model_bytes
        parts.append(f"{sent / 1000:.1f} kB sent per node = {ratio:.2f} of the model")
        return "; ".join(parts)


def _row(view: View, score: float | None, distance: float) -> list[str]:
    status = view.status
    check = status["accuracy"]
    if check is None and status["error"] is not None:
        shown = f"{status['error']:.4g}"
    else:
        shown = "-" if check is None else _percent(check)
    return [
        status["name"],
        str(status["samples"]),
        str(status["rounds"]),
        "-" if status["loss"] is None else f"{status['loss']:.3f}",
        shown,
        "-" if score is None else _percent(score),
        f"{distance:.3f}",
        str(len(status["neighbours"])),
        str(status["exchanges"]),
        f"{status['sent_bytes'] / 1000:.1f} kB",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
