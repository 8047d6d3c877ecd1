"""Text to read: a file, or standard input."""

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO

from gossipfl.data.csv_table import csv_faults
from gossipfl.errors import DataError

STANDARD_INPUT: Final = Path("-")
LINE_MAX: Final = 4 * 1024 * 1024  # characters; without a limit, a broken pipe would fill memory


def name_of(file: Path) -> str:
    """The file in messages."""
    return "standard input" if file == STANDARD_INPUT else str(file)


@contextlib.contextmanager
def open_lines(file: Path) -> Iterator[Iterator[str]]:
    """The lines of a UTF-8 file, as they come; "-" is standard input.

    Raises DataError when there is no such file, and while reading for an endless line.
    """
    if file == STANDARD_INPUT:
        stream = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", newline="")
        try:
            yield _bounded(stream, name_of(file))
        finally:
            stream.detach()  # standard input is not ours to close
    else:
        with csv_faults(name_of(file)):
            stream = file.open(encoding="utf-8-sig", newline="")
        with stream:
            yield _bounded(stream, name_of(file))


def _bounded(stream: TextIO, name: str) -> Iterator[str]:
    while line := stream.readline(LINE_MAX):
        if len(line) == LINE_MAX:
            raise DataError(f"{name}: a line of {LINE_MAX} characters or more; is it a CSV file?")
        yield line
