"""Topologies as pictures: one for a graph that stays, one a round for a schedule."""

import math
from collections.abc import Sequence
from typing import Final

from gossipfl.node.drawing.sketch import Dot, Line, Sketch, Words
from gossipfl.topologies.layout import Places, circle, spread_out
from gossipfl.topologies.mixing import Mixing
from gossipfl.topologies.resilience import union
from gossipfl.topologies.weights import Rows

PANEL: Final = 420.0
MARGIN: Final = 40.0
TITLE: Final = 24.0
PANELS_MAX: Final = 12
LABELS_MAX: Final = 150


def draw_topology(name: str, mixing: Mixing, labels: Sequence[str]) -> Sketch:
    """Places follow from all links of the schedule, so a node keeps its own from panel to panel.

    A link is the wider the more it weighs; an arrow shows which way a model goes where it goes one
    way.
    """
    panels = min(mixing.window, PANELS_MAX) if mixing.period != 1 else 1
    columns = math.ceil(math.sqrt(panels))
    rows = math.ceil(panels / columns)
    scale = 2.0 if panels == 1 else 1.0
    side = PANEL * scale
    sketch = Sketch(columns * side, rows * (side + TITLE))
    places = circle(mixing.size) if mixing.period != 1 else spread_out(union(mixing))
    for panel in range(panels):
        left, top = panel % columns * side, panel // columns * (side + TITLE)
        text = f"{name}, {mixing.size} nodes"
        title = text if panels == 1 else f"{text}, round {panel + 1}"
        sketch.marks.append(Words((left + side / 2, top + TITLE / 2 + 4), title, 15))
        centre = left + side / 2, top + TITLE + side / 2
        _draw(sketch, mixing.rows(panel), centre, (side / 2 - MARGIN) * places, labels)
    return sketch


def _draw(
    sketch: Sketch,
    rows: Rows,
    centre: tuple[float, float],
    places: Places,
    labels: Sequence[str],
) -> None:
    points = [(centre[0] + float(x), centre[1] + float(y)) for x, y in places]
    radius = max(2.5, min(14.0, 120 / math.sqrt(len(points)) / 2))
    for i, row in enumerate(rows):
        for j, weight in row.items():
            one_way = i not in rows[j]
            if one_way or i < j:
                end = _short_of(points[j], points[i], radius) if one_way else points[i]
                sketch.marks.append(Line(points[j], end, 0.6 + 3 * weight, one_way))
    sketch.marks += [Dot(point, radius) for point in points]
    if len(points) <= LABELS_MAX:
        size = min(13.0, 1.1 * radius)
        for point, label in zip(points, labels, strict=True):
            sketch.marks.append(Words(point, label[:8], size, "white"))


def _short_of(
    start: tuple[float, float], end: tuple[float, float], by: float
) -> tuple[float, float]:
    """A point on the way, so that an arrow's head is not under the dot."""
    length = math.dist(start, end)
    share = max(0.0, 1 - by / length) if length else 0.0
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
