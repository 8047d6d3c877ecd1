"""A mesh as SVG: nodes on a circle, their links, and the colour of how well each does."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

SIZE: Final = 520
MARGIN: Final = 60


def draw_mesh(
    names: Sequence[str], links: Sequence[tuple[str, str]], scores: Mapping[str, float]
) -> str:
    """An SVG element.  scores: of those that are up, 0 to 1; others are hollow."""
    places = {name: _place(number, len(names)) for number, name in enumerate(names)}
    radius = max(3.0, min(14.0, 2.2 * (SIZE / 2 - MARGIN) / len(names)))
    parts = []
    for one, other in links:
        (x1, y1), (x2, y2) = places[one], places[other]
        title = f"<title>{escape(one)} - {escape(other)}</title>"
        ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        parts.append(f'<line class="link" {ends}>{title}</line>')
    for name, (x, y) in places.items():
        parts.append(_node(name, x, y, radius, scores.get(name)))
    return f'<svg viewBox="0 0 {SIZE} {SIZE}" class="mesh" role="img">{"".join(parts)}</svg>'


def _place(number: int, count: int) -> tuple[float, float]:
    angle = 2 * math.pi * number / count - math.pi / 2
    reach = SIZE / 2 - MARGIN
    return SIZE / 2 + reach * math.cos(angle), SIZE / 2 + reach * math.sin(angle)


def _node(name: str, x: float, y: float, radius: float, score: float | None) -> str:
    """Red is 0, green is 1; the label is outside of the circle."""
    fill, told = "none", "down"
    if score is not None:
        fill = f"hsl({round(120 * min(1.0, max(0.0, score)))}, 65%, 45%)"
        told = f"{score:.1%}"
    out = 1 + (radius + 14) / (SIZE / 2 - MARGIN)
    label_x, label_y = (SIZE / 2 + out * (each - SIZE / 2) for each in (x, y))
    title = f"<title>{escape(name)}: {told}</title>"
    circle = f'<circle class="node" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill}">'
    number = escape(name.rpartition("-")[2])
    text = f'<text x="{label_x:.1f}" y="{label_y + 4:.1f}" text-anchor="middle">{number}</text>'
    return f"{circle}{title}</circle>{text}"
