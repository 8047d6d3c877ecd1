"""Curves over time as SVG, one line a node, faults as numbered marks."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final

from attrs import frozen

WIDTH: Final = 860
HEIGHT: Final = 240
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 22, 30
TICKS: Final = 5
SPAN_MIN: Final = 1e-12
POINTS_MAX: Final = 400
STEPS: Final = (1, 2, 2.5, 5, 10)


@frozen
class Curve:
    """values: by look; None where there was nothing to see.  strong: drawn above all others."""

    name: str
    values: Sequence[float | None]
    strong: bool = False


@frozen
class Mark:
    """A moment with a label."""

    time_s: float
    label: str


def colour_of(number: int, count: int) -> str:
    """Hues as far apart as they can be."""
    return f"hsl({round(360 * number / max(1, count))}, 60%, 50%)"


def chart(
    times_s: Sequence[float], curves: Sequence[Curve], marks: Sequence[Mark], unit: str = ""
) -> str:
    """An SVG element; the vertical axis spans what there is to see.

    times_s: of the looks, ascending, the last above 0.
    """
    seen = [value for curve in curves for value in curve.values if value is not None]
    if not seen:
        return ""
    low, high = min(seen), max(seen)
    ticks_y = ticks(low, high)
    ticks_x = [tick for tick in ticks(0.0, times_s[-1]) if tick <= times_s[-1]]
    frame = _Frame(times_s[-1], ticks_y[0], ticks_y[-1])
    parts = [*_grid(frame, ticks_x, ticks_y, unit), *_marks(frame, marks)]
    plain = [curve for curve in curves if not curve.strong]
    for number, curve in enumerate(plain):
        parts.append(_line(frame, times_s, curve, f'stroke="{colour_of(number, len(plain))}"'))
    parts += [_line(frame, times_s, curve, 'class="strong"') for curve in curves if curve.strong]
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>'


def ticks(low: float, high: float) -> list[float]:
    """Round values, a few, that reach from at most `low` to at least `high`."""
    most = max(abs(low), abs(high))
    span = high - low if high - low > max(SPAN_MIN, 1e-6 * most) else max(most, 1.0)
    raw = span / TICKS
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(magnitude * each for each in STEPS if magnitude * each >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * number for number in range(first, max(last, first + 1) + 1)]


@frozen
class _Frame:
    """From seconds and values to places."""

    time_s: float
    low: float
    high: float

    def x(self, time_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * time_s / self.time_s

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _grid(
    frame: _Frame, ticks_x: Sequence[float], ticks_y: Sequence[float], unit: str
) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for value in ticks_y:
        y = frame.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        text = f"{value:.4g}{escape(unit)}"
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for time_s in ticks_x:
        text = f'<text x="{frame.x(time_s):.1f}" y="{bottom + 18}" text-anchor="middle">'
        parts.append(f"{text}{time_s:.4g} s</text>")
    return parts


def _marks(frame: _Frame, marks: Sequence[Mark]) -> list[str]:
    parts = []
    for mark in marks:
        x, label = frame.x(min(mark.time_s, frame.time_s)), escape(mark.label)
        ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
        parts.append(f'<line class="mark" {ends}/>')
        parts.append(f'<text class="mark" x="{x:.1f}" y="{TOP - 6}">{label}</text>')
    return parts


def _line(frame: _Frame, times_s: Sequence[float], curve: Curve, style: str) -> str:
    """With a gap wherever the node was not seen."""
    step = max(1, math.ceil(len(times_s) / POINTS_MAX))
    path, pen = [], "M"
    for number in sorted({*range(0, len(times_s), step), len(times_s) - 1}):
        value = curve.values[number]
        if value is None:
            pen = "M"
            continue
        path.append(f"{pen}{frame.x(times_s[number]):.1f} {frame.y(value):.1f}")
        pen = "L"
    return f'<path {style} d="{"".join(path)}"><title>{escape(curve.name)}</title></path>'
