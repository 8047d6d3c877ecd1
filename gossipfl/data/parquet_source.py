"""Rows from a Parquet file, read by pyarrow, which is an optional dependency."""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl.data.csv_table import FLOAT32_MAX
from gossipfl.data.dataset import Dataset
from gossipfl.data.rows import EXAMPLES_BYTES_MAX, infer_schema_of, make_examples
from gossipfl.data.schema import Labels, Schema
from gossipfl.data.windows import Windowing
from gossipfl.errors import DataError

Column = NDArray[np.float64]


def read_parquet(path: Path, *, schema: Schema) -> Dataset:
    """The columns of `schema` from the file, in its order; other columns are ignored.

    Raises DataError naming file, row, column and remedy.
    """
    header = _header(path)
    names = _feature_names(path, header, schema)
    table = _load(path, header, [*names, *schema.target])
    targets = [_target(path, table, name, schema) for name in schema.target]
    features = [_numbers(path, table, name) for name in names]
    return make_examples(
        schema,
        np.ascontiguousarray(np.stack(features, 1), np.float32),
        np.stack(targets, 1),
        names,
        str(path),
    )


def infer_parquet_schema(path: Path, target: tuple[str, ...], windowing: Windowing) -> Schema:
    """The schema of which the file is an example; see `infer_schema_of`.  Raises DataError."""
    header = _header(path)
    table = _load(path, header, target)
    labels = [set(_texts(path, table, name)) for name in target]
    return infer_schema_of(str(path), header, target, labels, windowing)


def _pyarrow() -> ModuleType:
    try:
        import pyarrow.parquet
    except ImportError:
        raise DataError(
            "Parquet files need pyarrow: pip install 'gossipfl[parquet]', or convert them to CSV"
        ) from None
    return pyarrow  # type: ignore[no-any-return]


def _header(path: Path) -> list[str]:
    pyarrow = _pyarrow()
    try:
        return list(pyarrow.parquet.read_schema(path).names)
    except OSError as error:
        raise _unreadable(path, error) from None
    except pyarrow.ArrowException:
        raise DataError(f"{path}: damaged or not a Parquet file; write it again") from None


def _load(path: Path, header: list[str], names: Iterable[str]) -> Any:
    """A table of these columns, bounded before anything is allocated."""
    pyarrow, wanted = _pyarrow(), list(dict.fromkeys(names))
    missing = [name for name in wanted if name not in header]
    if missing:
        raise DataError(
            f"{path}: no column {', '.join(map(repr, missing[:5]))}; add it, or rename one of "
            f"{', '.join(map(repr, header[:8]))}"
        )
    try:
        rows = pyarrow.parquet.read_metadata(path).num_rows
        if 8 * rows * len(wanted) > EXAMPLES_BYTES_MAX:
            raise DataError(f"{path}: above {EXAMPLES_BYTES_MAX >> 20} MiB; keep fewer rows")
        return pyarrow.parquet.read_table(path, columns=wanted)
    except OSError as error:
        raise _unreadable(path, error) from None
    except pyarrow.ArrowException:
        raise DataError(f"{path}: damaged or not a Parquet file; write it again") from None


def _unreadable(path: Path, error: OSError) -> DataError:
    # pyarrow also raises OSError, without a number, for bytes that it cannot decode.
    if error.errno is None:
        return DataError(f"{path}: damaged or not a Parquet file; write it again")
    return DataError(f"cannot read {path}: {error.strerror or error}; check path and rights")


def _feature_names(path: Path, header: list[str], schema: Schema) -> tuple[str, ...]:
    if not isinstance(schema.columns, int):
        return schema.columns
    names = tuple(name for name in header if name not in schema.target)
    if len(names) != schema.columns:
        raise DataError(
            f"{path}: {len(names)} feature columns, but the cluster has {schema.columns}; "
            "add or remove columns"
        )
    return names


def _target(path: Path, table: Any, name: str, schema: Schema) -> Column:
    if not schema.classes:
        return _numbers(path, table, name)
    labels = Labels(schema.classes)
    texts = _texts(path, table, name)
    indices = [labels.index(t, f"{path}, row {i}, column {name!r}") for i, t in enumerate(texts)]
    return np.array(indices, np.float64)


def _numbers(path: Path, table: Any, name: str) -> Column:
    """A column as float64.  Raises DataError for what is not a finite float32."""
    types, column = _pyarrow().types, table.column(name)
    kind = column.type
    if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
        raise DataError(f"{path}, column {name!r}: holds {kind}; convert it to numbers")
    numbers: Column = column.to_numpy().astype(np.float64)  # an empty cell becomes NaN
    bad = np.flatnonzero(~(np.abs(numbers) <= FLOAT32_MAX))
    if bad.size:
        raise DataError(
            f"{path}, row {bad[0]}, column {name!r}: empty, or not a finite float32; "
            "correct it or drop the row"
        )
    return numbers


def _texts(path: Path, table: Any, name: str) -> list[str]:
    """A column of labels as text, so that 3, 3.0 and "3" are one class to `Labels`."""
    cells = table.column(name).to_pylist()
    if None in cells:
        raise DataError(
            f"{path}, row {cells.index(None)}, column {name!r}: empty; fill it in or drop the row"
        )
    return [str(int(c)) if isinstance(c, bool) else str(c).strip() for c in cells]
