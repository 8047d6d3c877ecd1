"""Files that a command leaves behind: known to be possible before, and each whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

from gossipfl.errors import ConfigError


def check_place(path: Path | None) -> None:
    """A run may take hours: raises ConfigError at once for what could not be written."""
    if path is None:
        return
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise ConfigError(f"cannot write {path}: name a file in a folder that you may write to")


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """`write` gets the name of a file that then takes this one's place.  Raises ConfigError."""
    # The suffix stays the last one, for it says what kind of picture to draw.
    partial = path.with_name(f".partial-{path.name}")
    try:
        write(partial)
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
