"""Where rows come from: the names that the rest of the product uses."""

from pathlib import Path

from gossipfl.data.csv_source import infer_csv_schema, read_csv
from gossipfl.data.dataset import Dataset, check_trainable, split_validation
from gossipfl.data.npz_source import infer_npz_schema, read_npz
from gossipfl.data.parquet_source import infer_parquet_schema, read_parquet
from gossipfl.data.schema import Schema
from gossipfl.data.windows import Windowing
from gossipfl.errors import DataError

__all__ = [
    "SUFFIXES",
    "Dataset",
    "Schema",
    "Windowing",
    "check_trainable",
    "infer_schema",
    "read",
    "read_csv",
    "read_npz",
    "read_parquet",
    "split_validation",
]

_READERS = {".csv": read_csv, ".npz": read_npz, ".parquet": read_parquet}
SUFFIXES = tuple(_READERS)
_WHOLE_ROWS = Windowing()


def read(path: Path, *, schema: Schema) -> Dataset:
    """Examples from a .csv, .npz or .parquet file.  Raises DataError."""
    return _READERS[_kind(path)](path, schema=schema)


def infer_schema(
    path: Path, target: str | tuple[str, ...] | None = None, windowing: Windowing = _WHOLE_ROWS
) -> Schema:
    """The schema of which a file is an example; all but NPZ need their `target` column."""
    kind = _kind(path)
    if kind == ".npz":
        if windowing != _WHOLE_ROWS:
            raise DataError(
                f"{path}: the rows of an NPZ file are windows already; cut windows from a CSV"
            )
        return infer_npz_schema(path)
    if target is None:
        raise DataError(f"{path}: name the column to predict, as target")
    targets = (target,) if isinstance(target, str) else target
    infer = infer_csv_schema if kind == ".csv" else infer_parquet_schema
    return infer(path, targets, windowing)


def _kind(path: Path) -> str:
    kind = path.suffix.lower()
    if kind not in _READERS:
        raise DataError(f"{path}: neither .csv, .npz nor .parquet; convert it to one of them")
    return kind
