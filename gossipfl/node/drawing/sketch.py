"""A picture as lines, dots and words, whatever it is written as."""

from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from gossipfl.errors import ConfigError, StateError

BLUE: Final = "#4477aa"
GREY: Final = "#bbbbbb"


@frozen
class Line:
    """From one point to another; `arrow` at its end."""

    start: tuple[float, float]
    end: tuple[float, float]
    width: float
    arrow: bool = False


@frozen
class Dot:
    """A filled circle."""

    centre: tuple[float, float]
    radius: float


@frozen
class Words:
    """Centred at a point."""

    centre: tuple[float, float]
    text: str
    size: float
    colour: str = "black"


@define
class Sketch:
    """Marks in pixels from the top left; later ones lie on top."""

    width: float
    height: float
    marks: list[Line | Dot | Words] = field(factory=list)


def write(sketch: Sketch, path: Path) -> None:
    """As the file's ending says.  Raises ConfigError and StateError."""
    from gossipfl.node.drawing.png import render_png
    from gossipfl.node.drawing.svg import render_svg

    writers = {".svg": lambda: render_svg(sketch).encode(), ".png": lambda: render_png(sketch)}
    render = writers.get(path.suffix.lower())
    if render is None:
        raise ConfigError(f"{path}: a picture ends in .svg or .png")
    content = render()
    try:
        path.write_bytes(content)
    except OSError as error:
        raise StateError(f"cannot write {path}: {error.strerror}") from None
