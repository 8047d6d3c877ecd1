"""Sketches as SVG."""

import math
from html import escape

from gossipfl.node.drawing.sketch import BLUE, GREY, Dot, Line, Sketch, Words

ARROW = 7.0


def render_svg(sketch: Sketch) -> str:
    """A document that any browser shows."""
    size = f"{sketch.width:g} {sketch.height:g}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" '
            'font-family="sans-serif" text-anchor="middle" dominant-baseline="central">',
            '<rect width="100%" height="100%" fill="white"/>',
            *map(_element, sketch.marks),
            "</svg>\n",
        ]
    )


def _element(mark: Line | Dot | Words) -> str:
    match mark:
        case Dot((x, y), radius):
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{BLUE}"/>'
        case Words((x, y), text, size, colour):
            place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}"'
            return f'<text {place} fill="{colour}">{escape(text)}</text>'
        case Line((x1, y1), (x2, y2), width, arrow):
            style = f'stroke="{GREY}" stroke-width="{width:.2f}"'
            line = f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" {style}/>'
            return line + (_head(mark) if arrow else "")


def _head(line: Line) -> str:
    (x1, y1), (x2, y2) = line.start, line.end
    length = math.hypot(x2 - x1, y2 - y1) or 1.0
    x, y = ARROW * (x2 - x1) / length, ARROW * (y2 - y1) / length
    sides = [(x2 - x - side * y, y2 - y + side * x) for side in (-1 / 3, 1 / 3)]
    points = " ".join(f"{across:.1f},{down:.1f}" for across, down in ((x2, y2), *sides))
    return f'<polygon points="{points}" fill="{GREY}"/>'
