"""Models declared layer by layer, over one flat float32 vector.

    Sequential(GRU(32), LayerNorm(), Dense(6), shape=(50, 9), loss="cross-entropy")

Every layer is bound to the shape that reaches it: it says what shape it makes of that, what it has
to learn, and which row of a plan computes it.
"""

import math
from typing import Literal, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.learning.plan import Plan, Planner

PARAMETERS_MAX = 51_200  # 200 kB of float32
DEPTH_MAX = 64
SIZE_MAX = 1 << 20  # entries of one example, anywhere in the model

Shape = tuple[int, ...]
Loss = Literal["cross-entropy", "squared-error"]
LOSSES: dict[str, int] = {
    "cross-entropy": layout.CROSS_ENTROPY,
    "squared-error": layout.SQUARED_ERROR,
}


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
    """A layer at its place: the plan's row and what it learns, weights before biases."""

    kind: int
    shape: Shape
    tensors: tuple[Tensor, ...] = ()
    times: int = 1
    operations: int = 0


class Layer(Protocol):
    """One layer of a Sequential."""

    def bind(self, shape: Shape) -> Bound:
        """The layer for inputs of this shape.  Raises ConfigError when it cannot take them."""


class Model(Protocol):
    """What a Trainer trains."""

    @property
    def inputs(self) -> int:
        """Entries of one example."""

    @property
    def outputs(self) -> int:
        """Classes, or predicted values."""

    @property
    def loss(self) -> Loss:
        """What is minimised."""

    @property
    def parameters(self) -> int:
        """Length d of the flat vector."""

    @property
    def target_columns(self) -> int:
        """Columns of a float32 target row."""

    def plan(self, batch: int) -> Plan:
        """The kernels' table for `batch` rows at a time."""


@attrs.frozen
class Dense:
    """Fully connected; takes any shape as a vector.  He-uniform weights (arXiv:1502.01852)."""

    units: int

    def bind(self, shape: Shape) -> Bound:
        """W [units, inputs], b [units]."""
        units, inputs = _positive("Dense", self.units), math.prod(shape)
        weights = Tensor("W", (units, inputs), limit=math.sqrt(6 / inputs))
        tensors = (weights, Tensor("b", (units,)))
        return Bound(layout.DENSE, (units,), tensors, operations=units * inputs)


@attrs.frozen
class ReLU:
    """The positive part."""

    def bind(self, shape: Shape) -> Bound:
        """Any shape."""
        return Bound(layout.RELU, shape)


@attrs.frozen
class Tanh:
    """The hyperbolic tangent."""

    def bind(self, shape: Shape) -> Bound:
        """Any shape."""
        return Bound(layout.TANH, shape)


@attrs.frozen
class Sigmoid:
    """1 / (1 + exp(-x))."""

    def bind(self, shape: Shape) -> Bound:
        """Any shape."""
        return Bound(layout.SIGMOID, shape)


@attrs.frozen
class LayerNorm:
    """Every example to mean 0 and variance 1, then a gain and a bias per entry."""

    def bind(self, shape: Shape) -> Bound:
        """Any shape; one gain and one bias for each of its entries."""
        return Bound(layout.LAYER_NORM, shape, (Tensor("g", shape, fill=1.0), Tensor("b", shape)))


@attrs.frozen
class GRU:
    """A gated recurrent unit over windows [times, channels]; its result is the last state."""

    units: int

    def bind(self, shape: Shape) -> Bound:
        """W [3 units, channels], U [3 units, units], b and c [3 units]; gates r, z, n."""
        units, (times, channels) = _positive("GRU", self.units), _window("GRU", shape)
        limit = 1 / math.sqrt(units)
        tensors = (
            Tensor("W", (3 * units, channels), limit=limit),
            Tensor("U", (3 * units, units), limit=limit),
            Tensor("b", (3 * units,)),
            Tensor("c", (3 * units,)),
        )
        operations = 3 * times * units * (channels + units)
        return Bound(layout.GRU, (units,), tensors, times, operations)


@attrs.frozen
class FastGRNN:
    """A recurrent layer with a third of a GRU's parameters, over windows [times, channels]."""

    units: int

    def bind(self, shape: Shape) -> Bound:
        """W [units, channels], U [units, units], biases [2, units], zeta and nu [2]."""
        units, (times, channels) = _positive("FastGRNN", self.units), _window("FastGRNN", shape)
        limit = 1 / math.sqrt(units)
        tensors = (
            Tensor("W", (units, channels), limit=limit),
            Tensor("U", (units, units), limit=limit),
            Tensor("b", (2, units), fill=1.0),
            Tensor("zeta", (1,), fill=1.0),
            Tensor("nu", (1,), fill=-4.0),
        )
        return Bound(layout.FASTGRNN, (units,), tensors, times, times * units * (channels + units))


@attrs.frozen(init=False)
class Sequential:
    """Layers, one behind the other.

    shape: of one example, for instance (features,) or (times, channels); rows hold it flat.
    loss: "cross-entropy" for classes, "squared-error" for values.
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
            _positive("shape", size)
        if not self.shape or max(math.prod(shape) for shape in self._shapes) > SIZE_MAX:
            raise ConfigError(f"an example has 1 to {SIZE_MAX} entries in every layer")
        if self.loss == "cross-entropy" and self.outputs < 2:
            raise ConfigError("cross-entropy needs at least 2 classes")
        if self.parameters > PARAMETERS_MAX:
            raise ConfigError(f"{self.summary()}: at most {PARAMETERS_MAX:,} parameters")

    @property
    def bound(self) -> tuple[Bound, ...]:
        """The layers, each at its place."""
        found: list[Bound] = []
        for place, layer in enumerate(self.layers, start=1):
            try:
                found.append(layer.bind(found[-1].shape if found else self.shape))
            except ConfigError as error:
                raise ConfigError(f"layer {place}: {error}") from None
        return tuple(found)

    @property
    def _shapes(self) -> tuple[Shape, ...]:
        return (self.shape, *(bound.shape for bound in self.bound))

    @property
    def inputs(self) -> int:
        """Entries of one example."""
        return math.prod(self.shape)

    @property
    def outputs(self) -> int:
        """Classes, or predicted values."""
        return math.prod(self.bound[-1].shape)

    @property
    def parameters(self) -> int:
        """Length d of the flat vector."""
        return sum(tensor.size for _, tensor in self._named())

    @property
    def target_columns(self) -> int:
        """Columns of a float32 target row: a class index, or every predicted value."""
        return 1 if self.loss == "cross-entropy" else self.outputs

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

    def plan(self, batch: int) -> Plan:
        """The kernels' table for `batch` rows at a time."""
        planner = Planner(self.inputs, batch)
        for bound in self.bound:
            planner.layer(bound.kind, math.prod(bound.shape), bound.times)
        return planner.finish(LOSSES[self.loss])

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


def _start(tensor: Tensor, rng: np.random.Generator) -> NDArray[np.float32]:
    if not tensor.limit:
        return np.full(tensor.size, tensor.fill, np.float32)
    draws = rng.random(tensor.size, dtype=np.float32)
    return (draws * 2 - 1) * np.float32(tensor.limit)


def _positive(name: str, size: int) -> int:
    if type(size) is not int or not 1 <= size <= SIZE_MAX:
        raise ConfigError(f"{name} needs a positive integer, not {size!r}")
    return size


def _window(name: str, shape: Shape) -> tuple[int, int]:
    if len(shape) != 2:
        raise ConfigError(f"{name} takes windows (times, channels), not the shape {shape}")
    return shape[0], shape[1]
