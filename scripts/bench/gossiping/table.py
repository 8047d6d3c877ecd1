"""Outcomes as Markdown."""

import math
from collections.abc import Mapping, Sequence

from gossiping.arena import Arena, Outcome, mean

HEAD = "| scheme | bytes a message | kB to target (by seed) | rounds | final | worst node |"


def table(arena: Arena) -> str:
    """A title and a row a scheme."""
    lines = [f"### {arena.title}", "", HEAD, "|---|---|---|---|---|---|"]
    return "\n".join(lines + [_row(*item) for item in arena.judge().items()])


def listing(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """A table of any figures: the first column is the rows' names."""
    head = ["", *columns]
    lines = [f"### {title}", "", _line(head), _line(["---"] * len(head))]
    return "\n".join(lines + [_line([name, *cells]) for name, cells in rows.items()])


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    by_seed = ", ".join(number(each.kilobytes) for each in outcomes)
    return _line(
        [
            name,
            f"{mean(outcomes, 'frame_bytes'):.0f}",
            f"{number(mean(outcomes, 'kilobytes'))} ({by_seed})",
            number(mean(outcomes, "rounds")),
            f"{mean(outcomes, 'final'):.4f}",
            f"{mean(outcomes, 'worst'):.4f}",
        ]
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def number(value: float) -> str:
    """With separators of thousands, or a dash for what was not reached."""
    return f"{value:,.0f}" if math.isfinite(value) else "-"
