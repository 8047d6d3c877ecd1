"""Accuracy over kilobytes, as SVG: a logarithmic axis, a line and a name a scheme."""

import math
from collections.abc import Mapping, Sequence
from html import escape

Curve = Sequence[tuple[float, float]]
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 860, 460, 60, 40, 250, 50
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777", "#dd8833")


class Axes:
    """From (kilobytes, accuracy) to pixels."""

    def __init__(self, curves: Mapping[str, Curve], lowest: float) -> None:
        sent = [kilobytes for curve in curves.values() for kilobytes, _ in curve if kilobytes > 0]
        self.decades = (math.floor(math.log10(min(sent))), math.ceil(math.log10(max(sent))))
        self.lowest, self.highest = lowest, 1.0

    def x(self, kilobytes: float) -> float:
        """Pixels from the left."""
        first, last = self.decades
        share = (math.log10(kilobytes) - first) / (last - first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, accuracy: float) -> float:
        """Pixels from the top."""
        share = (accuracy - self.lowest) / (self.highest - self.lowest)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def plot(title: str, curves: Mapping[str, Curve], lowest: float = 0.7) -> str:
    """The picture; what is below `lowest` is left out."""
    axes = Axes(curves, lowest)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, TOP - 16, title, size=15),
        _text(LEFT, HEIGHT - 10, "kB sent by a node"),
        *_grid(axes),
    ]
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="6 3"' if number >= len(COLOURS) else ""
        points = " ".join(
            f"{axes.x(kilobytes):.1f},{axes.y(accuracy):.1f}"
            for kilobytes, accuracy in curve
            if kilobytes > 0 and accuracy >= lowest
        )
        line = f'fill="none" stroke="{colour}" stroke-width="2"{dash}'
        parts += [f'<polyline points="{points}" {line}/>']
        x, y = WIDTH - RIGHT + 14, TOP + 16 + 19 * number
        parts += [f'<path d="M{x} {y - 4}h22" {line}/>', _text(x + 28, y, name)]
    return "\n".join([*parts, "</svg>", ""])


def _grid(axes: Axes) -> list[str]:
    parts = []
    first, last = axes.decades
    for decade in range(first, last + 1):
        x = axes.x(10.0**decade)
        parts.append(_rule(x, TOP, x, HEIGHT - BOTTOM))
        parts.append(_text(x - 8, HEIGHT - BOTTOM + 18, f"{10.0**decade:,g}"))
    for step in range(round(axes.lowest * 20), 21):
        y = axes.y(step / 20)
        parts.append(_rule(LEFT, y, WIDTH - RIGHT, y))
        parts.append(_text(LEFT - 40, y + 4, f"{step * 5} %"))
    return parts


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#dddddd"/>'


def _text(x: float, y: float, text: str, size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}">{escape(text)}</text>'
