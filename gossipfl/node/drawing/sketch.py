"""A picture as lines, dots and words, whatever it is written as."""

from typing import Final

from attrs import define, field, frozen

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
