"""Rows from a comma-separated text whose first line names the columns."""

import contextlib
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import DataError
from gossipfl.learning.csv_table import CsvTable, Row, csv_faults, csv_table
from gossipfl.learning.dataset import Dataset
from gossipfl.learning.schema import Labels, Schema, infer_classes

CSV_BYTES_MAX = 512 * 2**20
# Whole numbers with at most so many different values are taken for classes.
INTEGER_CLASSES_MAX = 100

Example = tuple[int, list[float]]  # line number, features


def read_csv(path: Path, *, schema: Schema) -> Dataset:
    """The columns of `schema` from the file, in its order; other columns are ignored.

    Raises DataError naming file, line, column and remedy.
    """
    with open_csv(path) as table:
        return read_rows(table, schema)


def read_csv_lines(lines: Iterable[str], name: str, *, schema: Schema) -> Dataset:
    """The same from lines of text, such as standard input."""
    with csv_faults(name):
        return read_rows(csv_table(lines, name), schema)


def infer_csv_schema(path: Path, target: str) -> Schema:
    """The schema of which the file is an example: all columns but `target` are features.

    The target is a class if it is text, or whole numbers of which few differ.
    """
    with open_csv(path) as table:
        table.require([target])
        place = table.header.index(target)
        labels = {cells[place].strip() for _, cells in table.rows}
    columns = tuple(name for name in table.header if name != target)
    where = f"{path}, column {target!r}"
    if not labels:
        raise DataError(f"{path}: no rows below the header; add at least one example")
    if _are_values(labels):
        return Schema(columns=columns, target=target)
    return Schema(columns=columns, target=target, classes=infer_classes(labels, where))


@contextlib.contextmanager
def open_csv(path: Path) -> Iterator[CsvTable]:
    """The file as a table, with every fault of it as a DataError."""
    with csv_faults(str(path)):
        if path.stat().st_size > CSV_BYTES_MAX:
            raise DataError(f"{path}: above {CSV_BYTES_MAX >> 20} MiB; keep fewer rows")
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield csv_table(file, str(path))


@attrs.frozen
class FeatureColumns:
    """Where in a table the features of a schema are."""

    table: CsvTable
    names: tuple[str, ...]
    places: tuple[int, ...]

    @classmethod
    def find(cls, table: CsvTable, schema: Schema) -> "FeatureColumns":
        """Raises DataError when columns are missing, or too many where only a count is known."""
        names = _feature_names(table, schema)
        return cls(table, names, tuple(table.header.index(name) for name in names))

    def examples(self) -> Iterator[Example]:
        """(line number, features) of each row, as it is read.  Raises DataError."""
        return ((row[0], self.numbers(row)) for row in self.table.rows)

    def numbers(self, row: Row) -> list[float]:
        """The features of one row.  Raises DataError."""
        return [self.table.number(row, place) for place in self.places]


def read_rows(table: CsvTable, schema: Schema) -> Dataset:
    """All rows of the table.  Raises DataError."""
    table.require([schema.target])
    columns, place = FeatureColumns.find(table, schema), table.header.index(schema.target)
    labels = Labels(schema.classes)
    features, targets = array("f"), array("d")
    for row in table.rows:
        features.extend(columns.numbers(row))
        if schema.classes:
            label = row[1][place].strip()
            targets.append(labels.index(label, table.where(row[0], schema.target)))
        else:
            targets.append(table.number(row, place))
    return Dataset(
        features=np.array(features, np.float32).reshape(len(targets), len(columns.names)),
        targets=_as_targets(np.array(targets), schema),
        columns=columns.names,
        source=table.name,
    )


def _as_targets(
    wanted: NDArray[np.float64], schema: Schema
) -> NDArray[np.int64] | NDArray[np.float32]:
    if schema.classes:
        return wanted.astype(np.int64)
    return wanted.astype(np.float32).reshape(-1, 1)


def _feature_names(table: CsvTable, schema: Schema) -> tuple[str, ...]:
    """The feature columns in the order of the schema."""
    if not isinstance(schema.columns, int):
        table.require(schema.columns)
        return schema.columns
    names = tuple(name for name in table.header if name != schema.target)
    if len(names) != schema.columns:
        raise DataError(
            f"{table.name}: {len(names)} feature columns, but the cluster has {schema.columns}; "
            "add or remove columns"
        )
    return names


def _are_values(labels: set[str]) -> bool:
    try:
        numbers = [float(label) for label in labels]
    except ValueError:
        return False
    whole = all(label.lstrip("-").isdigit() for label in labels)
    return not whole or len(numbers) > INTEGER_CLASSES_MAX
