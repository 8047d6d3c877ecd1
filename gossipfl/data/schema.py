"""What the rows of every node of a cluster look like."""

import math
from collections.abc import Iterable

import attrs

from gossipfl.data.windows import Windowing
from gossipfl.errors import ConfigError, DataError

CLASSES_MAX = 1000
COLUMNS_MAX = 65_536


def _strings(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


def _columns(columns: Iterable[str] | int) -> tuple[str, ...] | int:
    return columns if isinstance(columns, int) else tuple(columns)


def _targets(target: Iterable[str] | str) -> tuple[str, ...]:
    return (target,) if isinstance(target, str) else tuple(target)


@attrs.frozen(kw_only=True)
class Schema:
    """Columns and target that a data file must have.

    columns: feature names in order, or just how many there are.
    target: name of the target column, or of the several of a regression; an NPZ file calls it y.
    classes: labels in the order of the model's outputs; empty for a regression.
    values: numbers per example that a regression predicts.
    windowing: how rows become examples; the rows of an NPZ file are examples already.
    dimensions: of one example, where a file has them, such as (28, 28); rows hold it flat.
    """

    columns: tuple[str, ...] | int = attrs.field(converter=_columns)
    target: tuple[str, ...] = attrs.field(converter=_targets)
    classes: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    values: int = 1
    windowing: Windowing = attrs.field(factory=Windowing)
    dimensions: tuple[int, ...] = attrs.field(default=(), converter=tuple)

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.inputs <= COLUMNS_MAX:
            raise ConfigError(
                f"an example has 1 to {COLUMNS_MAX} features, columns times rows of a window, "
                f"not {self.inputs}"
            )
        self._check_names()
        if len(self.classes) == 1 or len(self.classes) > CLASSES_MAX:
            raise ConfigError(f"a schema has 2 to {CLASSES_MAX} classes, or none for a regression")
        if len(set(self.classes)) != len(self.classes):
            raise ConfigError("a schema names every class once")
        if self.values < 1:
            raise ConfigError("a regression predicts at least 1 value")
        if len(self.target) > 1 and (self.classes or self.values != len(self.target)):
            raise ConfigError("several target columns are for a regression, one value each")
        if self.dimensions and math.prod(self.dimensions) != self.inputs:
            raise ConfigError(f"dimensions {self.dimensions} do not make {self.inputs} features")
        if self.windowing.label == "majority" and not self.classes:
            raise ConfigError("values have no majority: label a window by its last row")

    def _check_names(self) -> None:
        columns = () if isinstance(self.columns, int) else self.columns
        own = {*columns, *self.target}
        twice = len(set(columns)) < len(columns) or len(set(self.target)) < len(self.target)
        # A forecast may look at the past of what it predicts.
        forecast = self.windowing.horizon and not self.classes
        shared = len(own) < len(columns) + len(self.target)
        if not self.target or twice or (shared and not forecast):
            raise ConfigError("every column of a schema, target included, has a name of its own")

    @property
    def inputs(self) -> int:
        """Number of features of one example."""
        width = self.columns if isinstance(self.columns, int) else len(self.columns)
        return width * self.windowing.length

    @property
    def shape(self) -> tuple[int, ...]:
        """One example as its file has it: a window is (length, columns)."""
        length = self.windowing.length
        flat = (self.inputs,) if length == 1 else (length, self.inputs // length)
        return self.dimensions or flat

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names, invented where only a count is known; in a window, with a row's place."""
        columns = self.columns
        if isinstance(columns, int):
            columns = tuple(f"x{i}" for i in range(columns))
        if self.windowing.length == 1:
            return columns
        places = range(1 - self.windowing.length, 1)
        return tuple(f"{name}@{place}" for place in places for name in columns)

    @property
    def outputs(self) -> int:
        """Outputs that a model of these rows needs."""
        return len(self.classes) or self.values

    @property
    def value_names(self) -> tuple[str, ...]:
        """What a regression predicts, by name."""
        if self.values == len(self.target):
            return self.target
        return tuple(f"{self.target[0]}_{i}" for i in range(self.values))


class Labels:
    """Class labels as written in files, to class indices."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self._classes = classes
        self._index = {label: i for i, label in enumerate(classes)}
        # Files often hold indices where the schema has words.
        if not any(label.lstrip("-").isdigit() for label in classes):
            self._index |= {str(i): i for i in range(len(classes))}

    def index(self, label: str, where: str) -> int:
        """Raises DataError, naming the place, for an unknown label."""
        try:
            return self._index[label]
        except KeyError:
            known = ", ".join(self._classes[:8]) + (", ..." if len(self._classes) > 8 else "")
            raise DataError(
                f"{where}: {label[:40]!r} is not a class of this cluster ({known}); "
                "correct the label or drop the row"
            ) from None


def infer_classes(labels: set[str], where: str) -> tuple[str, ...]:
    """The labels in a stable order: numbers by value, words by letter."""
    if not 2 <= len(labels) <= CLASSES_MAX:
        raise DataError(
            f"{where}: {len(labels)} different labels, not 2 to {CLASSES_MAX}; "
            "choose another target, or a file that shows every class"
        )
    if all(label.lstrip("-").isdigit() for label in labels):
        return tuple(sorted(labels, key=int))
    return tuple(sorted(labels))
