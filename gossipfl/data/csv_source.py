"""Rows from a comma-separated text whose first line names the columns."""

import contextlib
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import numpy as np

from gossipfl.data.csv_table import CsvTable, Row, csv_faults, csv_table
from gossipfl.data.dataset import Dataset
from gossipfl.data.rows import infer_schema_of, make_examples
from gossipfl.data.schema import Labels, Schema
from gossipfl.data.windows import Example, Windowing
from gossipfl.errors import DataError

CSV_BYTES_MAX = 512 * 2**20


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


def infer_csv_schema(path: Path, target: tuple[str, ...], windowing: Windowing) -> Schema:
    """The schema of which the file is an example; see `infer_schema_of`.  Raises DataError."""
    with open_csv(path) as table:
        table.require(target)
        places = [table.header.index(name) for name in target]
        labels: list[set[str]] = [set() for _ in target]
        for _, cells in table.rows:
            for known, place in zip(labels, places, strict=True):
                known.add(cells[place].strip())
    return infer_schema_of(str(path), table.header, target, labels, windowing)


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
    """Where in a table the features of a schema are, and how its rows become examples."""

    table: CsvTable
    names: tuple[str, ...]
    places: tuple[int, ...]
    windowing: Windowing

    @classmethod
    def find(cls, table: CsvTable, schema: Schema) -> "FeatureColumns":
        """Raises DataError when columns are missing, or too many where only a count is known."""
        names = _feature_names(table, schema)
        places = tuple(table.header.index(name) for name in names)
        return cls(table, names, places, schema.windowing)

    def examples(self) -> Iterator[Example]:
        """(number of the last line, features) of each example, as it is read.  Raises DataError."""
        return self.windowing.roll((row[0], self.numbers(row)) for row in self.table.rows)

    def numbers(self, row: Row) -> list[float]:
        """The features of one row.  Raises DataError."""
        return [self.table.number(row, place) for place in self.places]


def read_rows(table: CsvTable, schema: Schema) -> Dataset:
    """All rows of the table.  Raises DataError."""
    table.require(schema.target)
    columns = FeatureColumns.find(table, schema)
    places = [table.header.index(name) for name in schema.target]
    labels = Labels(schema.classes)
    features, targets = array("f"), array("d")
    for row in table.rows:
        features.extend(columns.numbers(row))
        for place in places:
            targets.append(_target(table, row, place, labels if schema.classes else None))
    return make_examples(
        schema,
        np.array(features, np.float32).reshape(-1, len(columns.names)),
        np.array(targets).reshape(-1, len(places)),
        columns.names,
        table.name,
    )


def _target(table: CsvTable, row: Row, place: int, labels: Labels | None) -> float:
    if labels is None:
        return table.number(row, place)
    line, cells = row
    return labels.index(cells[place].strip(), table.where(line, table.header[place]))


def _feature_names(table: CsvTable, schema: Schema) -> tuple[str, ...]:
    """The feature columns in the order of the schema."""
    if not isinstance(schema.columns, int):
        table.require(schema.columns)
        return schema.columns
    names = tuple(name for name in table.header if name not in schema.target)
    if len(names) != schema.columns:
        raise DataError(
            f"{table.name}: {len(names)} feature columns, but the cluster has {schema.columns}; "
            "add or remove columns"
        )
    return names
