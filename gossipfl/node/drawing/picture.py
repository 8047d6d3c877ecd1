"""A sketch as a file."""

from pathlib import Path

from gossipfl.errors import ConfigError, StateError
from gossipfl.node.drawing.png import render_png
from gossipfl.node.drawing.sketch import Sketch
from gossipfl.node.drawing.svg import render_svg


def write(sketch: Sketch, path: Path) -> None:
    """As the file's ending says.  Raises ConfigError and StateError."""
    writers = {".svg": lambda: render_svg(sketch).encode(), ".png": lambda: render_png(sketch)}
    render = writers.get(path.suffix.lower())
    if render is None:
        raise ConfigError(f"{path}: a picture ends in .svg or .png")
    content = render()
    try:
        path.write_bytes(content)
    except OSError as error:
        raise StateError(f"cannot write {path}: {error.strerror}") from None
