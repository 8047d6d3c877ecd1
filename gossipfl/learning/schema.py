"""What the rows of every node of a cluster look like."""

from collections.abc import Iterable

import attrs

from gossipfl.errors import ConfigError, DataError

CLASSES_MAX = 1000
COLUMNS_MAX = 65_536


def _strings(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


def _columns(columns: Iterable[str] | int) -> tuple[str, ...] | int:
    return columns if isinstance(columns, int) else tuple(columns)


@attrs.frozen(kw_only=True)
class Schema:
    """Columns and target that a data file must have.

    columns: feature names in order, or just how many there are.
    target: name of the target column; an NPZ file calls it y.
    classes: labels in the order of the model's outputs; empty for a regression.
    values: numbers per target of a regression.
    """

    columns: tuple[str, ...] | int = attrs.field(converter=_columns)
    target: str
    classes: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    values: int = 1

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.inputs <= COLUMNS_MAX:
            raise ConfigError(f"a schema has 1 to {COLUMNS_MAX} feature columns, not {self.inputs}")
        if len(set(self.names)) != self.inputs or self.target in self.names:
            raise ConfigError("every column of a schema, target included, has a name of its own")
        if len(self.classes) == 1 or len(self.classes) > CLASSES_MAX:
            raise ConfigError(f"a schema has 2 to {CLASSES_MAX} classes, or none for a regression")
        if len(set(self.classes)) != len(self.classes):
            raise ConfigError("a schema names every class once")
        if self.values < 1:
            raise ConfigError("a regression predicts at least 1 value")

    @property
    def inputs(self) -> int:
        """Number of feature columns."""
        return self.columns if isinstance(self.columns, int) else len(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names, invented where only a count is known."""
        if isinstance(self.columns, int):
            return tuple(f"x{i}" for i in range(self.columns))
        return self.columns

    @property
    def outputs(self) -> int:
        """Outputs that a model of these rows needs."""
        return len(self.classes) or self.values

    @property
    def value_names(self) -> tuple[str, ...]:
        """What a regression predicts, by name."""
        if self.values == 1:
            return (self.target,)
        return tuple(f"{self.target}_{i}" for i in range(self.values))


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
