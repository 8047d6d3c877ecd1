"""The agreement of a cluster whose model another framework trains, on data that only it knows."""

from collections.abc import Iterable
from functools import cached_property
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from gossipfl.adapters.arrays import ArraySpec, Layout
from gossipfl.agreement import Agreement, one_of
from gossipfl.errors import ConfigError
from gossipfl.models.sequential import PARAMETERS_MAX

FRAMEWORKS: Final = ("flower", "numpy-client", "sklearn", "torch")
ARRAYS_MAX: Final = 1024


def _specs(arrays: Iterable[ArraySpec]) -> tuple[ArraySpec, ...]:
    return tuple(arrays)


def _flag(_: object, attribute: object, value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigError(f"corrected is true or false, not {value!r}")


@frozen(kw_only=True, slots=False)
class ForeignManifest(Agreement):
    """An agreement on the arrays of a model that is opaque otherwise.

    framework: which adapter trains it.  Whose code that is, each node is told by its own owner.
    arrays: names, shapes, dtypes and starts.
    corrected: whether drift between unlike nodes is corrected; see ForeignLearner.
    Raises ConfigError for a model that is empty or too large.
    """

    framework: str = field(validator=one_of(*FRAMEWORKS))
    arrays: tuple[ArraySpec, ...] = field(converter=_specs)
    corrected: bool = field(default=True, validator=_flag)

    def __attrs_post_init__(self) -> None:
        if not 1 <= len(self.arrays) <= ARRAYS_MAX:
            raise ConfigError(f"a model has 1 to {ARRAYS_MAX} arrays, not {len(self.arrays)}")
        if len({spec.name for spec in self.arrays}) < len(self.arrays):
            raise ConfigError("every array of a model has a name of its own")
        total = sum(spec.size for spec in self.arrays)
        if total > PARAMETERS_MAX:
            raise ConfigError(
                f"the model has {total:,} parameters, a mesh takes at most {PARAMETERS_MAX:,}: "
                "make it smaller"
            )
        if not self.parameters:
            raise ConfigError("the model has no float array that a mesh could average")
        _ = self.body  # raises ConfigError when it is too long

    @cached_property
    def layout(self) -> Layout:
        """Where each array lies in the vector."""
        return Layout(self.arrays)

    @property
    def parameters(self) -> int:
        """Length d of the vector: all shared arrays, one behind the other."""
        return self.layout.size

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """(start, stop) of each shared array."""
        return self.layout.ranges

    @property
    def groups(self) -> int:
        """None: its data are the framework's own."""
        return 0

    def initial(self) -> NDArray[np.float32]:
        """w0, float32[d], the same bits on every device."""
        return self.layout.initial(self.seed)

    def summary(self) -> str:
        """One line for people."""
        count = f"{len(self.arrays)} arrays, {self.parameters:,} parameters"
        return f"{self.framework} model, {count}, {4 * self.parameters:,} bytes"
