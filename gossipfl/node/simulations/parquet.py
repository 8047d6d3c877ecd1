"""Simulations as one Parquet table: a row for every look at every mesh.

Columns: run (number), label, seed, a `setting_...` for every swept flag, then what was seen:
time_s, rounds and sent_bytes (means per node), average_... and current_... (mean and worst node on
validation and test rows), own_... (null where no rows are held back) and spread.  All settings of
all runs are in the file's metadata, as JSON under the key "gossipfl".
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from gossipfl.node.simulations.extras import load_extra
from gossipfl.node.simulations.study import Study
from gossipfl.simulation.measurement import Point

METADATA_KEY: Final = "gossipfl"


def require() -> None:
    """Raises ConfigError unless Parquet files can be written."""
    load_extra("pyarrow.parquet", "parquet")


def write(study: Study, path: Path) -> None:
    """The table, at `path`.  Raises OSError."""
    pyarrow, parquet = load_extra("pyarrow", "parquet"), load_extra("pyarrow.parquet", "parquet")
    metadata = {METADATA_KEY: json.dumps(_settings(study))}
    table = pyarrow.Table.from_pylist(list(rows(study)))
    parquet.write_table(table.replace_schema_metadata(metadata), path)


def rows(study: Study) -> Iterator[dict[str, Any]]:
    """Every look of every run, by column; the same columns in all rows."""
    settings = zip(*(case.changes.values() for case in study.cases), strict=True)
    swept = dict(zip(study.cases[0].changes, map(_alike, settings), strict=True))
    for number, (case, result) in enumerate(zip(study.cases, study.results, strict=True)):
        named = {"run": number, "label": case.label, "seed": case.experiment.seed}
        changed = {f"setting_{key}": values[number] for key, values in swept.items()}
        for point in result.curve:
            yield {**named, **changed, **_seen(point)}


def _alike(values: Sequence[Any]) -> Sequence[Any]:
    """Of one type, as a column must be: shares of time and names of traces are texts together."""
    return values if len(set(map(type, values))) == 1 else [str(value) for value in values]


def _seen(point: Point) -> dict[str, float | None]:
    found: dict[str, float | None] = {
        "time_s": point.time_s,
        "rounds": point.rounds,
        "sent_bytes": point.sent_bytes,
    }
    scores = {
        f"{kind}_{held}": getattr(getattr(point, kind), held)
        for kind in ("average", "current")
        for held in ("validation", "test")
    }
    for name, score in {**scores, "own": point.own}.items():
        found[f"{name}_mean"] = None if score is None else score.mean
        found[f"{name}_worst"] = None if score is None else score.worst
    return {**found, "spread": point.spread}


def _settings(study: Study) -> list[Any]:
    return [run["experiment"] for run in study.plain()["runs"]]
