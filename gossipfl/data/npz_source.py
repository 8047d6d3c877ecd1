"""Rows from a NumPy archive.  Never unpickled, and bounded before anything is allocated."""

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset
from gossipfl.data.schema import Labels, Schema, infer_classes
from gossipfl.errors import DataError

ARRAY_BYTES_MAX = 512 * 2**20
KEYS = (("X", "y"), ("X_train", "y_train"))
NUMBERS = "buif"  # dtype kinds: bool, unsigned, signed, float

# What zipfile raises for bytes that are not what it expects; ValueError: undecodable names.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)

Array = NDArray[np.generic]


def read_npz(path: Path, *, schema: Schema) -> Dataset:
    """X and y, or X_train and y_train; X of any number type, flattened row by row.

    Raises DataError naming file, array, row and remedy.
    """
    examples, targets = _load(path)
    features = examples.reshape(len(examples), -1)
    if features.shape[1] != schema.inputs:
        raise DataError(
            f"{path}: {features.shape[1]} features a row, but the cluster has {schema.inputs}; "
            "record the same features"
        )
    return Dataset(
        features=_finite(features, f"{path}, X"),
        targets=_classes(path, targets, schema) if schema.classes else _values(path, targets),
        columns=schema.names,
        source=str(path),
    )


def infer_npz_schema(path: Path) -> Schema:
    """The schema of which the file is an example: text and integers are classes."""
    examples, targets = _load(path)
    dimensions = examples.shape[1:] if examples.ndim > 2 else ()
    schema = Schema(columns=examples[0].size, target="y", dimensions=dimensions)
    if targets.dtype.kind == "f":
        return attrs.evolve(schema, values=_values(path, targets).shape[1])
    classes = infer_classes(set(_labels(path, targets)), f"{path}, y")
    return attrs.evolve(schema, classes=classes)


def _load(path: Path) -> tuple[Array, Array]:
    """(X [n, ...], y [n] or [n, k]), any type but objects."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            held = {name.removesuffix(".npy") for name in names if name.endswith(".npy")}
            pair = next((keys for keys in KEYS if held.issuperset(keys)), None)
            if pair is None:
                raise DataError(
                    f"{path}: no arrays X and y (or X_train and y_train), but "
                    f"{', '.join(sorted(held)[:8]) or 'nothing'}; save both with numpy.savez"
                )
            features, targets = (_member(path, archive, name) for name in pair)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check path and rights") from None
    except DAMAGE:
        raise DataError(f"{path}: damaged or not an NPZ; save it with numpy.savez") from None
    if features.ndim == 0 or targets.ndim == 0 or len(features) != len(targets):
        raise DataError(
            f"{path}: X is {features.shape}, y is {targets.shape}; give each row a target"
        )
    if not features.size:
        raise DataError(f"{path}: no rows; add at least one example")
    return features, targets


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> Array:
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > ARRAY_BYTES_MAX:
        raise DataError(f"{path}: {name} is above {ARRAY_BYTES_MAX >> 20} MiB; keep fewer rows")
    try:
        with archive.open(info) as file:
            _check_header(path, name, file, info.file_size)
        with archive.open(info) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        raise DataError(f"{path}: {name} is damaged ({error}); save it with numpy.savez") from None


def _check_header(path: Path, name: str, file: IO[bytes], size: int) -> None:
    """NumPy allocates what a header claims, so compare that with what is there."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(file)
    if version not in readers:
        raise ValueError(f"format {version}")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise DataError(
            f"{path}: {name} holds Python objects, which are never unpickled; save arrays"
        )
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > size:
        raise ValueError("its header claims more than the file holds")


def _finite(array: Array, where: str) -> NDArray[np.float32]:
    """float32 rows; raises DataError for what is not a finite number."""
    if array.dtype.kind not in NUMBERS:
        raise DataError(f"{where}: holds {array.dtype}; convert it to numbers")
    with np.errstate(over="ignore"):  # becomes infinity, reported below
        numbers = np.ascontiguousarray(array, np.float32)
    bad = np.argwhere(~np.isfinite(numbers))
    if bad.size:
        row, column = bad[0]
        raise DataError(
            f"{where}, row {row}, column {column}: {array[row, column]} is not a finite float32; "
            "correct it or drop the row"
        )
    return numbers


def _values(path: Path, targets: Array) -> NDArray[np.float32]:
    return _finite(targets.reshape(len(targets), -1), f"{path}, y")


def _classes(path: Path, targets: Array, schema: Schema) -> NDArray[np.int64]:
    labels = Labels(schema.classes)
    indices = [
        labels.index(text, f"{path}, y, row {row}")
        for row, text in enumerate(_labels(path, targets))
    ]
    return np.array(indices, np.int64)


def _labels(path: Path, targets: Array) -> list[str]:
    """Labels as text, so that 3, 3.0 and "3" are one class."""
    if targets.size != len(targets):
        raise DataError(f"{path}: y is {targets.shape}; one class label a row is needed")
    found = []
    for row, label in enumerate(targets.ravel().tolist()):
        if isinstance(label, bytes):
            label = label.decode("utf-8", "replace")
        if isinstance(label, float) and not label.is_integer():
            raise DataError(f"{path}, y, row {row}: {label} is not a class; use whole numbers")
        found.append(label.strip() if isinstance(label, str) else str(int(label)))
    return found
