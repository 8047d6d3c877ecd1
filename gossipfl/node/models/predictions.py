"""Predictions row by row, fit for a pipe: rows of CSV in, CSV or JSON lines out."""

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.data.csv_source import FeatureColumns
from gossipfl.data.csv_table import csv_faults, csv_table
from gossipfl.data.schema import Schema
from gossipfl.data.windows import Example
from gossipfl.errors import DataError
from gossipfl.learning.report import label_probabilities, probabilities
from gossipfl.manifest import Manifest
from gossipfl.trained import UsableModel

Floats = NDArray[np.float32]
Text = Callable[[int, Floats], str]


@frozen
class Format:
    """How predictions are written: `header` once, if there is one, then `line` for each."""

    header: str
    line: Text


def find_columns(lines: Iterable[str], name: str, schema: Schema) -> FeatureColumns:
    """Reads the header.  Raises DataError when it lacks columns."""
    with csv_faults(name):
        return FeatureColumns.find(csv_table(lines, name), schema)


def predict_rows(
    model: UsableModel, columns: FeatureColumns, batch: int
) -> Iterator[tuple[int, Floats]]:
    """(line number, outputs f32[k]) for each row, read `batch` rows at a time.

    Raises DataError for a row that cannot be used, after what came before it.
    """
    with csv_faults(columns.table.name):
        for some in _batches(columns.examples(), batch):
            features = np.array([numbers for _, numbers in some], np.float32)
            numbered = (line for line, _ in some)
            yield from zip(numbered, model.outputs(features), strict=True)


def _batches(examples: Iterator[Example], size: int) -> Iterator[list[Example]]:
    """Up to `size` at a time; those before a bad one are not lost."""
    some: list[Example] = []
    try:
        for example in examples:
            some.append(example)
            if len(some) == size:
                yield some
                some = []
    except DataError as error:
        if some:
            yield some
        raise error
    if some:
        yield some


def make_format(manifest: Manifest, top: int, *, as_json: bool) -> Format:
    """How to write outputs of this model: the `top` likeliest classes each, the probability of
    every label, or values.
    """
    schema = manifest.schema
    if schema.classes:
        return _class_format(schema.classes, min(top, len(schema.classes)), as_json)
    if manifest.model().loss == "binary":
        return _number_format(schema.value_names, _shares, "probabilities", as_json)
    return _number_format(schema.value_names, _values, "values", as_json)


def _class_format(classes: tuple[str, ...], top: int, as_json: bool) -> Format:
    def ranked(outputs: Floats) -> list[tuple[str, float]]:
        shares = probabilities(outputs[None])[0]
        best = np.argsort(-shares, kind="stable")[:top]
        return [(classes[i], round(float(shares[i]), 6)) for i in best]

    def json_line(line: int, outputs: Floats) -> str:
        found = ranked(outputs)
        first = {"line": line, "class": found[0][0], "probability": found[0][1]}
        rest = {"top": [{"class": c, "probability": p} for c, p in found]} if top > 1 else {}
        return json.dumps(first | rest)

    def csv_line(line: int, outputs: Floats) -> str:
        return _csv([line, *itertools.chain.from_iterable(ranked(outputs))])

    if as_json:
        return Format("", json_line)
    names = ["class", "probability", *(f"{n}_{i}" for i in range(2, top + 1) for n in _PAIR)]
    return Format(_csv(["line", *names]), csv_line)


_PAIR: Final = ("class", "probability")


def _values(outputs: Floats) -> list[float]:
    return [float(str(value)) for value in outputs]  # the shortest text of a float32


def _shares(outputs: Floats) -> list[float]:
    return [round(float(share), 6) for share in label_probabilities(outputs)]


def _number_format(
    names: tuple[str, ...], numbers: Callable[[Floats], list[float]], what: str, as_json: bool
) -> Format:
    def json_line(line: int, outputs: Floats) -> str:
        found = dict(zip(names, numbers(outputs), strict=True))
        return json.dumps({"line": line, what: found})

    def csv_line(line: int, outputs: Floats) -> str:
        return _csv([line, *numbers(outputs)])

    return Format("", json_line) if as_json else Format(_csv(["line", *names]), csv_line)


def _csv(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
