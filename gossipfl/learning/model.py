"""What a cluster learns: the shape of a multilayer perceptron over one flat float32 vector."""

import itertools
import math
from collections.abc import Iterable
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.learning.plan import Plan, Planner

PARAMETERS_MAX = 51_200  # 200 kB of float32
LAYERS_MAX = 16

Loss = Literal["cross-entropy", "squared-error"]
LOSSES: dict[str, int] = {
    "cross-entropy": layout.CROSS_ENTROPY,
    "squared-error": layout.SQUARED_ERROR,
}


def _widths(hidden: Iterable[int]) -> tuple[int, ...]:
    return tuple(hidden)


@attrs.frozen(kw_only=True)
class ModelSpec:
    """A multilayer perceptron; with no hidden layer, softmax or linear regression.

    inputs: features of one example, after the input basis.
    hidden: width of each ReLU layer.
    outputs: classes, or predicted values.
    loss: "cross-entropy" for classes, "squared-error" for values.
    Raises ConfigError when a width is not positive or the model exceeds PARAMETERS_MAX.
    """

    inputs: int
    hidden: tuple[int, ...] = attrs.field(converter=_widths)
    outputs: int
    loss: Loss

    def __attrs_post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ConfigError(f"loss is {' or '.join(LOSSES)}, not {self.loss!r}")
        if len(self.hidden) > LAYERS_MAX:
            raise ConfigError(f"{len(self.hidden)} hidden layers; at most {LAYERS_MAX}")
        for width in self.widths:
            if type(width) is not int or width < 1:
                raise ConfigError(f"a layer width is a positive integer, not {width!r}")
        if self.loss == "cross-entropy" and self.outputs < 2:
            raise ConfigError("cross-entropy needs at least 2 classes")
        if self.parameters > PARAMETERS_MAX:
            raise ConfigError(
                f"{self.summary()}: at most {PARAMETERS_MAX:,} parameters; use narrower layers "
                "or an input basis that keeps fewer inputs"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """Inputs, hidden layers, outputs."""
        return (self.inputs, *self.hidden, self.outputs)

    @property
    def parameters(self) -> int:
        """Length d of the flat vector."""
        return sum((i + 1) * o for i, o in itertools.pairwise(self.widths))

    @property
    def tensors(self) -> tuple[tuple[str, int, int], ...]:
        """(name, start, stop) in flat order: W1 [out, in] row-major, b1, W2, ..."""
        found, start = [], 0
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(self.widths), start=1):
            for name, length in ((f"W{layer}", inputs * outputs), (f"b{layer}", outputs)):
                found.append((name, start, start + length))
                start += length
        return tuple(found)

    @property
    def target_columns(self) -> int:
        """Columns of a float32 target row: a class index, or every predicted value."""
        return 1 if self.loss == "cross-entropy" else self.outputs

    def initial(self, seed: int) -> NDArray[np.float32]:
        """f32[d]: He-uniform weights (He et al. 2015, arXiv:1502.01852), zero biases.

        The same bits on every platform, since peers never send this vector: uniform draws and
        their product with a rounded limit are exact, normal draws would need a logarithm.
        """
        rng = np.random.Generator(np.random.PCG64(seed))
        vector = np.zeros(self.parameters, np.float32)
        for (_, start, stop), inputs in zip(self.tensors[::2], self.widths, strict=False):
            draws = rng.random(stop - start, dtype=np.float32)
            vector[start:stop] = (draws * 2 - 1) * np.float32(math.sqrt(6 / inputs))
        return vector

    def plan(self, batch: int) -> Plan:
        """The descriptor table for `batch` rows at a time."""
        planner = Planner(self.inputs, batch)
        for width in self.hidden:
            planner.dense(width)
            planner.activation(layout.RELU)
        planner.dense(self.outputs)
        return planner.finish(LOSSES[self.loss])

    def summary(self) -> str:
        """One line for people."""
        shape = "-".join(map(str, self.widths))
        return f"MLP {shape}, {self.loss}, {self.parameters:,} parameters"
