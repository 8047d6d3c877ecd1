"""One data file into many: what each node of a swarm may read, and what nobody may."""

import csv
import zipfile
from pathlib import Path
from typing import Final

import attrs
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset, split_validation
from gossipfl.data.partition import parse_partition, share_rows, split_table
from gossipfl.data.schema import Schema
from gossipfl.data.sources import read
from gossipfl.data.windows import Windowing
from gossipfl.errors import DataError

GROUP_ARRAY: Final = "group"
TEST_SHARE: Final = 0.2


@frozen
class Parts:
    """files: one NPZ a node; test: rows that no node has; table: the split, for people."""

    files: tuple[Path, ...]
    test: Dataset
    table: str


@frozen
class Shares:
    """What each node gets, rows that no node has, and all rows that were shared out."""

    parts: list[Dataset]
    test: Dataset
    rows: Dataset

    def table(self, schema: Schema) -> str:
        """Rows per node, and per class if there are classes."""
        counts = [part.targets for part in self.parts]
        if not schema.classes:
            return "\n".join(f"node {i}: {len(rows)} rows" for i, rows in enumerate(counts))
        return split_table([targets.astype(np.int64) for targets in counts], schema.classes)


def make_parts(
    data: Path,
    test: Path | None,
    schema: Schema,
    spec: str,
    nodes: int,
    group: str | None,
    directory: Path,
    seed: int,
) -> Parts:
    """Write one NPZ a node into `directory`; see `share_out`."""
    shares = share_out(data, test, schema, spec, nodes, group, seed)
    return Parts(_write_parts(shares, directory), shares.test, shares.table(schema))


def write_shares(shares: Shares, directory: Path) -> None:
    """What each node gets, and test.npz.  Raises DataError."""
    try:
        _write_parts(shares, directory)
        _write(directory / "test.npz", shares.test)
    except OSError as error:
        raise DataError(f"cannot write in {directory}: {error.strerror}") from None


def _write_parts(shares: Shares, directory: Path) -> tuple[Path, ...]:
    directory.mkdir(parents=True, exist_ok=True)
    parts = enumerate(shares.parts)
    return tuple(_write(directory / f"part-{i}.npz", part) for i, part in parts)


def share_out(
    data: Path,
    test: Path | None,
    schema: Schema,
    spec: str,
    nodes: int,
    group: str | None,
    seed: int,
) -> Shares:
    """Split a data file as `spec` says (see data/partition.py).

    Without a `test` file, a fifth of the rows is held back.  Raises DataError or ConfigError.
    """
    name, _ = parse_partition(spec)
    rng = np.random.default_rng(seed)
    rows = read(data, schema=schema)
    if name == "by-group" and data.suffix.lower() != ".npz" and schema.windowing != Windowing():
        raise DataError(f"{data}: a group is of rows, not of windows; save windows as NPZ")
    groups = read_groups(data, group, len(rows)) if name == "by-group" else None
    kept = np.arange(len(rows))
    if test is None:
        kept, held = _hold_back(rows, rng)
        judged = rows.take(held)
    else:
        judged = read(test, schema=schema)
    rows = rows.take(kept)
    chosen = None if groups is None else groups[kept]
    channels = schema.inputs // schema.windowing.length
    return Shares(share_rows(spec, rows, chosen, nodes, channels, rng), judged, rows)


def _hold_back(
    rows: Dataset, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    numbers = np.arange(len(rows), dtype=np.float32).reshape(-1, 1)
    numbered = attrs.evolve(rows, features=numbers, columns=("row",))
    kept, held = split_validation(numbered, TEST_SHARE, rng)
    if held is None:
        raise DataError(f"{rows.source}: too few rows to hold any back; give --test FILE")
    return kept.features[:, 0].astype(np.int64), held.features[:, 0].astype(np.int64)


def read_groups(data: Path, column: str | None, rows: int) -> NDArray[np.generic]:
    """A group per row: an NPZ file's array `group`, or a CSV's `column`.  Raises DataError."""
    kind = data.suffix.lower()
    if kind not in (".npz", ".csv"):
        raise DataError(f"{data}: by-group takes .npz or .csv; convert it to one of them")
    found = _npz_groups(data) if kind == ".npz" else _csv_groups(data, column)
    if len(found) != rows:
        raise DataError(f"{data}: {len(found)} groups for {rows} rows; give every row one")
    return found


def _npz_groups(data: Path) -> NDArray[np.generic]:
    try:
        with np.load(data, allow_pickle=False) as archive:
            return np.asarray(archive[GROUP_ARRAY]).reshape(-1)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        raise DataError(
            f"{data}: no array '{GROUP_ARRAY}' with a group per row; add one, or use iid"
        ) from None


def _csv_groups(data: Path, column: str | None) -> NDArray[np.generic]:
    if column is None:
        raise DataError(f"{data}: say which column tells the group, with --group COLUMN")
    with data.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if column not in (rows.fieldnames or ()):
            raise DataError(f"{data}: no column '{column}'; see its first line for the names")
        return np.array([row[column] for row in rows])


def _write(path: Path, part: Dataset) -> Path:
    np.savez(path, X=part.features, y=part.targets)
    return path
