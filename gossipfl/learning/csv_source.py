"""Rows from a comma-separated text file whose first line names the columns."""

import contextlib
import csv
import math
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from gossipfl.errors import DataError
from gossipfl.learning.dataset import Dataset
from gossipfl.learning.schema import Labels, Schema, infer_classes

CSV_BYTES_MAX = 512 * 2**20
FLOAT32_MAX = float(np.finfo(np.float32).max)
# Whole numbers with at most so many different values are taken for classes.
INTEGER_CLASSES_MAX = 100

Row = tuple[int, list[str]]  # line number, cells


class Lines(Protocol):
    """What csv.reader returns."""

    @property
    def line_num(self) -> int:
        """Lines read so far."""

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


def read_csv(path: Path, *, schema: Schema) -> Dataset:
    """The columns of `schema` from the file, in its order; other columns are ignored.

    Raises DataError naming file, line, column and remedy.
    """
    with _open(path) as (header, rows):
        names = _feature_names(path, header, schema)
        places = [header.index(name) for name in names]
        target = header.index(schema.target)
        labels = Labels(schema.classes)
        features, targets = array("f"), array("d")
        for line, cells in rows:
            for name, place in zip(names, places, strict=True):
                features.append(_number(cells[place], f"{path}, line {line}, column {name!r}"))
            where = f"{path}, line {line}, column {schema.target!r}"
            cell = cells[target].strip()
            targets.append(labels.index(cell, where) if schema.classes else _number(cell, where))
    wanted = np.array(targets)
    return Dataset(
        features=np.array(features, np.float32).reshape(len(targets), len(names)),
        targets=wanted.astype(np.int64)
        if schema.classes
        else wanted.astype(np.float32).reshape(-1, 1),
        columns=tuple(names),
        source=str(path),
    )


def infer_csv_schema(path: Path, target: str) -> Schema:
    """The schema of which the file is an example: all columns but `target` are features.

    The target is a class if it is text, or whole numbers of which few differ.
    """
    with _open(path) as (header, rows):
        _require(path, header, [target])
        place = header.index(target)
        labels = {cells[place].strip() for _, cells in rows}
    columns = tuple(name for name in header if name != target)
    where = f"{path}, column {target!r}"
    if not labels:
        raise DataError(f"{path}: no rows below the header; add at least one example")
    if _are_values(labels):
        return Schema(columns=columns, target=target)
    return Schema(columns=columns, target=target, classes=infer_classes(labels, where))


def _are_values(labels: set[str]) -> bool:
    try:
        numbers = [float(label) for label in labels]
    except ValueError:
        return False
    whole = all(label.lstrip("-").isdigit() for label in labels)
    return not whole or len(numbers) > INTEGER_CLASSES_MAX


@contextlib.contextmanager
def _open(path: Path) -> Iterator[tuple[list[str], Iterator[Row]]]:
    """(header, rows), with every fault of the file as a DataError."""
    try:
        if path.stat().st_size > CSV_BYTES_MAX:
            raise DataError(f"{path}: above {CSV_BYTES_MAX >> 20} MiB; keep fewer rows")
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = _header(path, lines)
            yield header, _rows(path, lines, len(header))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check path and rights") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text; save it as UTF-8 CSV") from None
    except csv.Error as error:
        raise DataError(f"{path}: not a CSV file ({error}); check its quotes") from None


def _header(path: Path, lines: Lines) -> list[str]:
    header = [cell.strip() for cell in next(lines, [])]
    if not any(header):
        raise DataError(f"{path}: empty; its first line must name the columns")
    if len(header) == 1 and ";" in header[0]:
        raise DataError(f"{path}: separated by semicolons; separate the columns by commas")
    if all(_is_number(cell) for cell in header):
        raise DataError(f"{path}, line 1: numbers; the first line must name the columns")
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise DataError(f"{path}, line 1: two columns named {min(twice)!r}; rename one")
    return header


def _rows(path: Path, lines: Lines, width: int) -> Iterator[Row]:
    for cells in lines:
        if len(cells) not in (0, width):
            raise DataError(
                f"{path}, line {lines.line_num}: {len(cells)} cells, but {width} columns; "
                "quote text that holds commas"
            )
        if cells:
            yield lines.line_num, cells


def _feature_names(path: Path, header: list[str], schema: Schema) -> list[str]:
    """The feature columns in the order of the schema."""
    if not isinstance(schema.columns, int):
        _require(path, header, [*schema.columns, schema.target])
        return list(schema.columns)
    _require(path, header, [schema.target])
    names = [name for name in header if name != schema.target]
    if len(names) != schema.columns:
        raise DataError(
            f"{path}: {len(names)} feature columns, but the cluster has {schema.columns}; "
            "add or remove columns"
        )
    return names


def _require(path: Path, header: list[str], names: list[str]) -> None:
    missing = [name for name in names if name not in header]
    if missing:
        raise DataError(
            f"{path}, line 1: no column {', '.join(map(repr, missing[:5]))}; add it, or rename "
            f"one of {', '.join(map(repr, header[:8]))}"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str, where: str) -> float:
    """Raises DataError unless `text` is a finite float32."""
    if not text.strip():
        raise DataError(f"{where}: empty; fill it in or drop the row")
    if not _is_number(text) or "_" in text:
        raise DataError(f"{where}: {text[:40]!r} is not a number; correct it or drop the row")
    value = float(text)
    if not math.isfinite(value) or abs(value) > FLOAT32_MAX:
        raise DataError(f"{where}: {text[:40]} is not a finite float32; correct it or drop the row")
    return value
