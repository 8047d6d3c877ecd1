"""Models declared layer by layer, over one flat float32 vector.

Sequential(GRU(32), LayerNorm(), Dense(6), shape=(50, 9), loss="cross-entropy")
"""

import contextlib
import itertools
import math
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.models.layers import Bound, Dense, Layer, ReLU, Shape, Tensor
from gossipfl.models.layers.base import SIZE_MAX, positive
from gossipfl.models.plan import Plan, Planner, target_width

PARAMETERS_MAX = 51_200  # 200 kB of float32
PLANS_MAX = 32
DEPTH_MAX = 64

Loss = Literal["cross-entropy", "squared-error", "binary", "huber"]
LOSSES: dict[str, int] = {
    "cross-entropy": layout.CROSS_ENTROPY,
    "squared-error": layout.SQUARED_ERROR,
    "binary": layout.BINARY,
    "huber": layout.HUBER,
}


@attrs.frozen(init=False, slots=False)
class Sequential:
    """Layers, one behind the other.

    shape: of one example, for instance (features,) or (times, channels); rows hold it flat.
    loss: "cross-entropy" for classes; "binary" for outputs that are 0 or 1 each on its own, two
        classes among them; "squared-error" or, less moved by outliers, "huber" for values.
    Raises ConfigError when shapes clash or the model exceeds PARAMETERS_MAX.
    """

    layers: tuple[Layer, ...]
    shape: Shape
    loss: Loss

    def __init__(self, *layers: Layer, shape: Shape, loss: Loss) -> None:
        self.__attrs_init__(layers, tuple(shape), loss)

    def __attrs_post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ConfigError(f"loss is {' or '.join(LOSSES)}, not {self.loss!r}")
        if not 1 <= len(self.layers) <= DEPTH_MAX:
            raise ConfigError(f"a model has 1 to {DEPTH_MAX} layers, not {len(self.layers)}")
        for size in self.shape:
            positive("shape", size)
        if not self.shape or max(math.prod(shape) for shape in self._shapes) > SIZE_MAX:
            raise ConfigError(f"an example has 1 to {SIZE_MAX} entries in every layer")
        if self.loss == "cross-entropy" and self.outputs < 2:
            raise ConfigError("cross-entropy needs at least 2 classes")
        if self.parameters > PARAMETERS_MAX:
            raise ConfigError(
                f"{self.summary()}: at most {PARAMETERS_MAX:,} parameters; {self._largest()}"
            )

    @cached_property
    def bound(self) -> tuple[Bound, ...]:
        """The layers, each at its place."""
        return _bind(self.layers, self.shape)

    def _largest(self) -> str:
        sizes = [bound.parameters for bound in self.bound]
        place = sizes.index(max(sizes))
        return f"layer {place + 1}, {self.names[place]}, is the largest with {sizes[place]:,}"

    @property
    def names(self) -> tuple[str, ...]:
        """Of the layers: the kind, and for those that learn their number, as in `tensors`."""
        numbers = itertools.count(1)
        return tuple(
            f"{type(layer).__name__}{next(numbers) if bound.tensors else ''}"
            for layer, bound in zip(self.layers, self.bound, strict=True)
        )

    @property
    def _shapes(self) -> tuple[Shape, ...]:
        return (self.shape, *(bound.shape for bound in self.bound))

    @cached_property
    def inputs(self) -> int:
        """Entries of one example."""
        return math.prod(self.shape)

    @cached_property
    def outputs(self) -> int:
        """Classes, or predicted values."""
        return math.prod(self.bound[-1].shape)

    @cached_property
    def parameters(self) -> int:
        """Length d of the flat vector."""
        return sum(tensor.size for _, tensor in self._named())

    @property
    def target_columns(self) -> int:
        """Columns of a float32 target row: a class index, or every predicted value."""
        return target_width(LOSSES[self.loss], self.outputs)

    @property
    def tensors(self) -> tuple[tuple[str, int, int], ...]:
        """(name, start, stop) in flat order; numbers count the layers that learn."""
        found, start = [], 0
        for name, tensor in self._named():
            found.append((name, start, start + tensor.size))
            start += tensor.size
        return tuple(found)

    def _named(self) -> list[tuple[str, Tensor]]:
        learning = [bound for bound in self.bound if bound.tensors]
        return [
            (f"{tensor.name}{place}", tensor)
            for place, bound in enumerate(learning, start=1)
            for tensor in bound.tensors
        ]

    def initial(self, seed: int) -> NDArray[np.float32]:
        """f32[d]: the same bits on every platform, since peers never send this vector.

        Uniform draws and their product with a rounded limit are exact; normal draws would need a
        logarithm.
        """
        rng = np.random.Generator(np.random.PCG64(seed))
        parts = [_start(tensor, rng) for _, tensor in self._named()]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def plan(self, batch: int, *, weighted: bool = False) -> Plan:
        """The kernels' table for `batch` rows at a time.

        weighted: cross-entropy with a second column of targets, which tells how much a row counts.
        """
        return _plan(self, batch, weighted)

    def summary(self) -> str:
        """One line for people: shapes, parameters, bytes, multiply-adds of one forward pass."""
        names = [type(layer).__name__ for layer in self.layers]
        shapes = ["x".join(map(str, shape)) for shape in self._shapes]
        steps = [f" {name} {shape}" for name, shape in zip(names, shapes[1:], strict=True)]
        operations = sum(bound.operations for bound in self.bound)
        return (
            f"{shapes[0]}{''.join(steps)}, {self.loss}, {self.parameters:,} parameters, "
            f"{4 * self.parameters:,} bytes, {operations:,} multiply-adds"
        )


@lru_cache(maxsize=PLANS_MAX)
def _plan(model: Sequential, batch: int, weighted: bool) -> Plan:
    """Shared by all learners of equal models, which so share its spare memory too."""
    planner = Planner(model.inputs, batch)
    for bound in model.bound:
        planner.layer(bound.kind, math.prod(bound.shape), bound.geometry)
    return planner.finish(layout.WEIGHTED_CROSS_ENTROPY if weighted else LOSSES[model.loss])


def _bind(layers: Iterable[Layer], shape: Shape) -> tuple[Bound, ...]:
    """Raises ConfigError, with the number of the layer, when one cannot take what reaches it."""
    found: list[Bound] = []
    for place, layer in enumerate(layers, start=1):
        try:
            found.append(layer.bind(found[-1].shape if found else shape))
        except ConfigError as error:
            raise ConfigError(f"layer {place}: {error}") from None
    return tuple(found)


def natural_shape(layers: Iterable[Layer], shape: Shape) -> Shape:
    """`shape`, or, for layers that do not take it, a window or an image with one channel."""
    for found in (shape, (*shape, 1)) if len(shape) > 1 else ():
        with contextlib.suppress(ConfigError):
            _bind(layers, found)
            return found
    return shape


def _start(tensor: Tensor, rng: np.random.Generator) -> NDArray[np.float32]:
    if not tensor.limit:
        return np.full(tensor.size, tensor.fill, np.float32)
    draws = rng.random(tensor.size, dtype=np.float32)
    return (draws * 2 - 1) * np.float32(tensor.limit)


def perceptron(hidden: Iterable[int]) -> tuple[Layer, ...]:
    """The hidden layers of a multilayer perceptron: a ReLU behind each width."""
    return tuple(layer for width in hidden for layer in (Dense(width), ReLU()))
