"""How rows are shared out, drawn with text."""

from typing import Final

import numpy as np
from rich.text import Text

from gossipfl.data.partition import shift_of, shifts_of
from gossipfl.node.harness.parts import Shares

BAR_CELLS: Final = 60
MARKS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
COLOURS: Final = ("blue", "green", "yellow", "red", "magenta", "cyan", "white")
SHADES: Final = " .░▒▓█"
FEATURES_SHOWN: Final = 6


def bars(shares: Shares, classes: tuple[str, ...]) -> list[Text]:
    """A legend, then a bar a node, as long as its share of the largest one's rows."""
    longest = max(len(part) for part in shares.parts)
    lines = [_legend(classes)] if classes else []
    for number, part in enumerate(shares.parts):
        counts = [len(part)]
        if classes:
            counts = [int((part.targets == label).sum()) for label in range(len(classes))]
        bar = _bar(counts, longest)
        bar.pad_right(BAR_CELLS - len(bar))
        shift = shift_of(part.features, shares.rows.features)
        lines.append(
            Text.assemble(f"node {number:<3} ", bar, f" {len(part)} rows, shift {shift:.2f}")
        )
    return lines


def _legend(classes: tuple[str, ...]) -> Text:
    marks = [(f"{_mark(i)} {name}   ", _colour(i)) for i, name in enumerate(classes)]
    return Text.assemble(" " * 9, *marks)


def _bar(counts: list[int], longest: int) -> Text:
    """Marks from the running totals, so that rounding never changes the length of a bar."""
    bar, total, drawn = Text(), 0, 0
    for label, count in enumerate(counts):
        total += count
        end = round(BAR_CELLS * total / longest)
        bar.append(_mark(label) * (end - drawn), _colour(label))
        drawn = end
    return bar


def _mark(label: int) -> str:
    return MARKS[label % len(MARKS)]


def _colour(label: int) -> str:
    return COLOURS[label % len(COLOURS)]


def cells(shares: Shares, classes: tuple[str, ...]) -> list[Text]:
    """Nodes by classes; each cell as dark as the node's part of the class's rows."""
    if not classes:
        return []
    counts = [np.bincount(part.targets, minlength=len(classes)) for part in shares.parts]
    grid = np.array(counts) / np.maximum(np.sum(counts, axis=0), 1)
    columns = "".join(f"{_mark(label)} " for label in range(len(classes)))
    lines = [Text(""), Text(f"{'':9}{columns}")]
    for number, row in enumerate(grid):
        drawn = "".join(2 * _shade(part) for part in row)
        lines.append(Text(f"node {number:<3} {drawn}|"))
    return lines


def _shade(part: float) -> str:
    """Blank for nothing alone."""
    return SHADES[0] if not part else SHADES[min(1 + int(5 * part), 5)]


def shifts(shares: Shares, classes: tuple[str, ...]) -> list[Text]:
    """How far the mean of each node lies from that of all rows, where nodes differ most."""
    rows = shares.rows
    found = np.array([shifts_of(part.features, rows.features) for part in shares.parts])
    spread = found.max(0) - found.min(0)
    chosen = np.argsort(-spread, kind="stable")[:FEATURES_SHOWN]
    names = [rows.columns[feature] for feature in chosen]
    widths = [max(len(name), 6) for name in names]
    titles = "  ".join(name.rjust(width) for name, width in zip(names, widths, strict=True))
    lines = [Text(""), Text(f"shift    {titles}")]
    for number, row in enumerate(found[:, chosen]):
        values = (f"{value:+.2f}".rjust(w) for value, w in zip(row, widths, strict=True))
        lines.append(Text(f"node {number:<3} {'  '.join(values)}"))
    return lines
