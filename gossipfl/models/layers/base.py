"""What a layer is: bound to the shape that reaches it, it says what shape it makes of that, what it
has to learn, and which row of a plan computes it.
"""

import math
from typing import Final, Protocol

import attrs

from gossipfl.errors import ConfigError

SIZE_MAX: Final = 1 << 20  # entries of one example, anywhere in the model

Shape = tuple[int, ...]


@attrs.frozen
class Tensor:
    """A part of the vector: its name, its shape, and where it starts learning.

    fill: every entry at first; or, with a limit above 0, entries are uniform between +-limit.
    """

    name: str
    shape: Shape
    fill: float = 0.0
    limit: float = 0.0

    @property
    def size(self) -> int:
        """Entries."""
        return math.prod(self.shape)


@attrs.frozen
class Bound:
    """A layer at its place.

    kind: of the plan's row, and so its kernels.  shape: of one result.
    tensors: what it learns, weights before biases, as in the flat vector.
    geometry: what else its kernels read, from the row's column GEOMETRY on.
    operations: multiply-adds of one example's forward pass.
    """

    kind: int
    shape: Shape
    tensors: tuple[Tensor, ...] = ()
    geometry: tuple[int, ...] = ()
    operations: int = 0

    @property
    def parameters(self) -> int:
        """Entries of all tensors."""
        return sum(tensor.size for tensor in self.tensors)


class Layer(Protocol):
    """One layer of a Sequential."""

    def bind(self, shape: Shape) -> Bound:
        """The layer for inputs of this shape.  Raises ConfigError when it cannot take them."""


def positive(name: str, size: int) -> int:
    """`size`.  Raises ConfigError unless it is an integer from 1 to SIZE_MAX."""
    if type(size) is not int or not 1 <= size <= SIZE_MAX:
        raise ConfigError(f"{name} needs a positive integer, not {size!r}")
    return size


def window(name: str, shape: Shape) -> tuple[int, int]:
    """(times, channels).  Raises ConfigError for another shape."""
    if len(shape) != 2:
        raise ConfigError(f"{name} takes windows (times, channels), not the shape {shape}")
    return shape[0], shape[1]


def image(name: str, shape: Shape) -> tuple[int, int, int]:
    """(height, width, channels).  Raises ConfigError for another shape."""
    if len(shape) != 3:
        raise ConfigError(f"{name} takes images (height, width, channels), not the shape {shape}")
    return shape[0], shape[1], shape[2]
