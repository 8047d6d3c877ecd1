"""Examples from a time series: windows of successive rows, and targets that lie ahead."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError

Floats = NDArray[np.float32]
Targets = NDArray[np.int64] | NDArray[np.float32]
Example = tuple[int, list[float]]  # line number, features

IntValidator = Callable[[object, "attrs.Attribute[int]", int], None]

LENGTH_MAX = 65_536


def _from(low: int) -> IntValidator:
    def check(_: object, attribute: "attrs.Attribute[int]", value: int) -> None:
        if type(value) is not int or not low <= value <= LENGTH_MAX:
            raise ConfigError(f"{attribute.name} is {low} to {LENGTH_MAX} rows, not {value!r}")

    return check


@attrs.frozen(kw_only=True)
class Windowing:
    """How rows become examples; by default each row is one.

    length: rows of a window, flattened as [length, columns] row-major.
    stride: rows from one window to the next; below `length`, windows overlap.
    label: "last", the target of the last row, or "majority", the commonest class.
    horizon: rows between a window's last row and the row whose target is predicted.
    Raises ConfigError.
    """

    length: int = attrs.field(default=1, validator=_from(1))
    stride: int = attrs.field(default=1, validator=_from(1))
    label: Literal["last", "majority"] = "last"
    horizon: int = attrs.field(default=0, validator=_from(0))

    def __attrs_post_init__(self) -> None:
        if self.label not in ("last", "majority"):
            raise ConfigError(f"the label of a window is last or majority, not {self.label!r}")
        if self.label == "majority" and self.horizon:
            raise ConfigError("a forecast has no majority: its label is last")

    @property
    def rows(self) -> int:
        """Rows that one example takes."""
        return self.length + self.horizon

    @property
    def reach(self) -> int:
        """Examples so far apart, or farther, share no row."""
        return -(-self.rows // self.stride)

    def count(self, rows: int) -> int:
        """Examples in so many rows."""
        return max(0, (rows - self.rows) // self.stride + 1)

    def cut(self, features: Floats) -> Floats:
        """f32[count, length * c], C-contiguous, from f32[n, c]."""
        windows = np.lib.stride_tricks.sliding_window_view(features, self.length, axis=0)
        chosen = windows[:: self.stride][: self.count(len(features))]
        flat = chosen.transpose(0, 2, 1).reshape(len(chosen), -1)
        return np.ascontiguousarray(flat, np.float32)

    def targets(self, targets: Targets) -> Targets:
        """The target of each window, from those of the n rows."""
        count = self.count(len(targets))
        if self.label == "last":
            return targets[self.rows - 1 :: self.stride][:count].copy()
        windows = np.lib.stride_tricks.sliding_window_view(targets, self.length)
        # A tie goes to the first class, on every device alike.
        return np.array([np.bincount(w).argmax() for w in windows[:: self.stride][:count]])

    def roll(self, rows: Iterable[Example]) -> Iterator[Example]:
        """Windows as their last row arrives, numbered like it; targets ahead are not waited for."""
        window: deque[list[float]] = deque(maxlen=self.length)
        for number, (line, features) in enumerate(rows):
            window.append(features)
            since_first = number - (self.length - 1)
            if since_first >= 0 and since_first % self.stride == 0:
                yield line, [value for row in window for value in row]
