"""A mesh in the terminal: a table that changes in place, or a line now and then in a log."""

import sys
from collections.abc import Sequence
from typing import Final

import trio
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gossipfl.node.harness.record import NodeLook, Point
from gossipfl.node.harness.views import View

POLL_S: Final = 0.5
LINE_INTERVAL_S: Final = 5.0


class LiveView:
    """Shows views as they come; use as a context manager."""

    def __init__(self, title: str, model_bytes: int) -> None:
        self._title = title
        self._model_bytes = model_bytes
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

    def show(self, views: Sequence[View], point: Point) -> None:
        """One look at all nodes that answer."""
        summary = self._summary(point)
        if self._console.is_terminal:
            table = self._table(views, point)
            self._live.update(Group(table, Text(summary)), refresh=True)
        elif trio.current_time() - self._line_s >= LINE_INTERVAL_S:
            self._line_s = trio.current_time()
            self.tell(summary)

    def tell(self, line: str) -> None:
        """A line that stays."""
        self._console.print(line, highlight=False, soft_wrap=True)

    def _table(self, views: Sequence[View], point: Point) -> Table:
        table = Table(title=self._title)
        for column in ("node", "readings", "rounds", "loss", "own check", "unseen"):
            table.add_column(column, justify="right" if column != "node" else "left")
        for column in ("distance", "links", "exchanges", "sent"):
            table.add_column(column, justify="right")
        for view, look in zip(views, point.nodes, strict=True):
            table.add_row(*_row(view, look))
        return table

    def _summary(self, point: Point) -> str:
        sent = point.sent_bytes / len(point.nodes)
        parts = (
            f"round {point.rounds}",
            f"consensus distance {point.consensus_distance:.3f}",
            f"unseen: mean {_percent(point.mean)}, worst node {_percent(point.worst)}",
            f"{sent / 1000:.1f} kB sent per node = {sent / self._model_bytes:.2f} of the model",
        )
        return "; ".join(parts)


def _row(view: View, look: NodeLook) -> list[str]:
    status = view.status
    check = status["accuracy"]
    if check is None and status["error"] is not None:
        shown = f"{status['error']:.4g}"
    else:
        shown = "-" if check is None else _percent(check)
    return [
        look.name,
        str(status["samples"]),
        str(look.rounds),
        "-" if status["loss"] is None else f"{status['loss']:.3f}",
        shown,
        _percent(look.score),
        f"{look.distance:.3f}",
        str(len(status["neighbours"])),
        str(look.exchanges),
        f"{look.sent_bytes / 1000:.1f} kB",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
