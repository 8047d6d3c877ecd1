"""Sketches as PNG, by matplotlib."""

import io
from typing import Any

from gossipfl.node.drawing.sketch import BLUE, GREY, Dot, Line, Sketch, Words
from gossipfl.node.simulations.extras import load_extra

PIXELS_PER_INCH = 100
POINTS_PER_PIXEL = 72 / PIXELS_PER_INCH
SHARPNESS = 2


def render_png(sketch: Sketch) -> bytes:
    """Twice as many pixels each way as the sketch has.  Raises ConfigError without the extra."""
    figures = load_extra("matplotlib.figure", "plot")
    size = sketch.width / PIXELS_PER_INCH, sketch.height / PIXELS_PER_INCH
    figure = figures.Figure(figsize=size, dpi=SHARPNESS * PIXELS_PER_INCH)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, sketch.width)
    axes.set_ylim(sketch.height, 0)
    axes.axis("off")
    for order, mark in enumerate(sketch.marks):
        _draw(axes, mark, order)
    content = io.BytesIO()
    figure.savefig(content, format="png", facecolor="white")
    return content.getvalue()


def _draw(axes: Any, mark: Line | Dot | Words, order: int) -> None:
    match mark:
        case Dot((x, y), radius):
            area = (2 * radius * POINTS_PER_PIXEL) ** 2
            axes.scatter([x], [y], s=area, c=BLUE, linewidths=0, zorder=order)
        case Words((x, y), text, size, colour):
            points, centred = size * POINTS_PER_PIXEL, {"ha": "center", "va": "center"}
            # A dollar sign is no mathematics here.
            axes.text(
                x, y, text, size=points, color=colour, zorder=order, parse_math=False, **centred
            )
        case Line(start, end, width, arrow):
            style = "-|>" if arrow else "-"
            look = {"color": GREY, "linewidth": width * POINTS_PER_PIXEL, "arrowstyle": style}
            look |= {"shrinkA": 0, "shrinkB": 0}
            axes.annotate("", xy=end, xytext=start, arrowprops=look, zorder=order)
