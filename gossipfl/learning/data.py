"""Where rows come from: the names that the rest of the product uses."""

from pathlib import Path

from gossipfl.errors import DataError
from gossipfl.learning.csv_source import infer_csv_schema, read_csv
from gossipfl.learning.dataset import Dataset, check_trainable, split_validation
from gossipfl.learning.npz_source import infer_npz_schema, read_npz
from gossipfl.learning.schema import Schema

__all__ = [
    "Dataset",
    "Schema",
    "check_trainable",
    "infer_schema",
    "read",
    "read_csv",
    "read_npz",
    "split_validation",
]


def read(path: Path, *, schema: Schema) -> Dataset:
    """Rows from a .csv or .npz file.  Raises DataError."""
    return read_csv(path, schema=schema) if _is_csv(path) else read_npz(path, schema=schema)


def infer_schema(path: Path, target: str | None = None) -> Schema:
    """The schema of which a .csv or .npz file is an example; a CSV needs its `target` column."""
    if not _is_csv(path):
        return infer_npz_schema(path)
    if target is None:
        raise DataError(f"{path}: name the column to predict, as target")
    return infer_csv_schema(path, target)


def _is_csv(path: Path) -> bool:
    if path.suffix.lower() not in (".csv", ".npz"):
        raise DataError(f"{path}: neither .csv nor .npz; convert it to one of them")
    return path.suffix.lower() == ".csv"
