"""From a file's rows to examples and schemas, whatever kind of file it is."""

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset
from gossipfl.data.schema import Schema, infer_classes
from gossipfl.data.windows import Windowing
from gossipfl.errors import DataError

# Whole numbers with at most so many different values are taken for classes.
INTEGER_CLASSES_MAX = 100
EXAMPLES_BYTES_MAX = 512 * 2**20


def make_examples(
    schema: Schema,
    features: NDArray[np.float32],
    targets: NDArray[np.float64],
    names: tuple[str, ...],
    source: str,
) -> Dataset:
    """Examples from rows f32[n, columns] with targets f64[n, k], class indices or values.

    Raises DataError when the rows are too few for a window, or the windows too many for memory.
    """
    windowing = schema.windowing
    count = windowing.count(len(features))
    if len(features) and not count:
        raise DataError(
            f"{source}: {len(features)} rows, but one example takes {windowing.rows}; record longer"
        )
    if 4 * count * schema.inputs > EXAMPLES_BYTES_MAX:
        raise DataError(
            f"{source}: its windows take above {EXAMPLES_BYTES_MAX >> 20} MiB; raise the stride"
        )
    wanted = targets[:, 0].astype(np.int64) if schema.classes else targets.astype(np.float32)
    if windowing == Windowing():
        return Dataset(features=features, targets=wanted, columns=names, source=source)
    return Dataset(
        features=windowing.cut(features),
        targets=windowing.targets(wanted),
        columns=attrs.evolve(schema, columns=names).names,
        source=source,
        reach=windowing.reach,
    )


def infer_schema_of(
    source: str,
    header: Sequence[str],
    target: tuple[str, ...],
    labels: Sequence[set[str]],
    windowing: Windowing,
) -> Schema:
    """The schema of a file with these columns, and these different `labels` of each target.

    All columns but the targets are features; in a forecast of values, the targets' past as well.
    The target is a class if it is text, or whole numbers of which few differ.
    """
    if not labels[0]:
        raise DataError(f"{source}: no rows below the header; add at least one example")
    values = all(map(_are_values, labels)) or (len(target) > 1 and all(map(_are_numbers, labels)))
    if not values and len(target) > 1:
        raise DataError(f"{source}: several targets must be numbers; predict classes singly")
    forecast = values and windowing.horizon > 0
    columns = tuple(name for name in header if forecast or name not in target)
    if values:
        return Schema(columns=columns, target=target, values=len(target), windowing=windowing)
    classes = infer_classes(labels[0], f"{source}, column {target[0]!r}")
    return Schema(columns=columns, target=target, classes=classes, windowing=windowing)


def _are_numbers(labels: set[str]) -> bool:
    try:
        return bool([float(label) for label in labels])
    except ValueError:
        return False


def _are_values(labels: set[str]) -> bool:
    whole = all(label.lstrip("-").isdigit() for label in labels)
    return _are_numbers(labels) and (not whole or len(labels) > INTEGER_CLASSES_MAX)
