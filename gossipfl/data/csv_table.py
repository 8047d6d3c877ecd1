"""Comma-separated text as a header and rows; every fault names its line and the remedy."""

import contextlib
import csv
import math
from collections.abc import Iterable, Iterator
from typing import Protocol

import attrs
import numpy as np

from gossipfl.errors import DataError

FLOAT32_MAX = float(np.finfo(np.float32).max)

Row = tuple[int, list[str]]  # line number, cells


class Lines(Protocol):
    """What csv.reader returns."""

    @property
    def line_num(self) -> int:
        """Lines read so far."""

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


@attrs.frozen
class CsvTable:
    """name: of the file, for messages; rows: read as they are asked for, each of full width."""

    name: str
    header: list[str]
    rows: Iterator[Row]

    def require(self, names: Iterable[str]) -> None:
        """Raises DataError unless all these columns are there."""
        missing = [name for name in names if name not in self.header]
        if missing:
            raise DataError(
                f"{self.name}, line 1: no column {', '.join(map(repr, missing[:5]))}; add it, or "
                f"rename one of {', '.join(map(repr, self.header[:8]))}"
            )

    def where(self, line: int, column: str) -> str:
        """A place, for messages."""
        return f"{self.name}, line {line}, column {column!r}"

    def number(self, row: Row, place: int) -> float:
        """The cell as a number.  Raises DataError unless it is a finite float32."""
        line, cells = row
        return parse_number(cells[place], self.where(line, self.header[place]))


def csv_table(lines: Iterable[str], name: str) -> CsvTable:
    """A table over lines of text, whose ends may be lost.  Raises DataError for a bad header."""
    reader = csv.reader(lines, strict=True)
    header = _header(name, reader)
    return CsvTable(name, header, _rows(name, reader, len(header)))


@contextlib.contextmanager
def csv_faults(name: str) -> Iterator[None]:
    """Turns what reading can raise inside into a DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}; check path and rights") from None
    except UnicodeDecodeError:
        raise DataError(f"{name}: not UTF-8 text; save it as UTF-8 CSV") from None
    except csv.Error as error:
        raise DataError(f"{name}: not a CSV file ({error}); check its quotes") from None


def is_number(text: str) -> bool:
    """Whether Python reads it as a number, infinite ones and NaN included."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def parse_number(text: str, where: str) -> float:
    """Raises DataError, naming the place, unless `text` is a finite float32."""
    if not text.strip():
        raise DataError(f"{where}: empty; fill it in or drop the row")
    if not is_number(text) or "_" in text:
        raise DataError(f"{where}: {text[:40]!r} is not a number; correct it or drop the row")
    value = float(text)
    if not math.isfinite(value) or abs(value) > FLOAT32_MAX:
        raise DataError(f"{where}: {text[:40]} is not a finite float32; correct it or drop the row")
    return value


def _header(name: str, lines: Lines) -> list[str]:
    header = [cell.strip() for cell in next(lines, [])]
    if not any(header):
        raise DataError(f"{name}: empty; its first line must name the columns")
    if len(header) == 1 and ";" in header[0]:
        raise DataError(f"{name}: separated by semicolons; separate the columns by commas")
    if all(is_number(cell) for cell in header):
        raise DataError(f"{name}, line 1: numbers; the first line must name the columns")
    twice = {cell for cell in header if header.count(cell) > 1}
    if twice:
        raise DataError(f"{name}, line 1: two columns named {min(twice)!r}; rename one")
    return header


def _rows(name: str, lines: Lines, width: int) -> Iterator[Row]:
    for cells in lines:
        if len(cells) not in (0, width):
            raise DataError(
                f"{name}, line {lines.line_num}: {len(cells)} cells, but {width} columns; "
                "quote text that holds commas"
            )
        if cells:
            yield lines.line_num, cells
