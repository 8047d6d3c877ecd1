"""What a cluster learns: the shape of a multilayer perceptron over one flat float32 vector."""

import itertools
from collections.abc import Iterable

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.learning.layers import (
    LOSSES,
    PARAMETERS_MAX,
    Dense,
    Layer,
    Loss,
    ReLU,
    Sequential,
)
from gossipfl.learning.plan import Plan

__all__ = ["LAYERS_MAX", "PARAMETERS_MAX", "Loss", "ModelSpec"]

LAYERS_MAX = 16


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
    def network(self) -> Sequential:
        """The layers that this is short for."""
        layers: list[Layer] = []
        for width in self.hidden:
            layers += [Dense(width), ReLU()]
        return Sequential(*layers, Dense(self.outputs), shape=(self.inputs,), loss=self.loss)

    @property
    def parameters(self) -> int:
        """Length d of the flat vector."""
        return sum((i + 1) * o for i, o in itertools.pairwise(self.widths))

    @property
    def tensors(self) -> tuple[tuple[str, int, int], ...]:
        """(name, start, stop) in flat order: W1 [out, in] row-major, b1, W2, ..."""
        return self.network.tensors

    @property
    def target_columns(self) -> int:
        """Columns of a float32 target row: a class index, or every predicted value."""
        return 1 if self.loss == "cross-entropy" else self.outputs

    def initial(self, seed: int) -> NDArray[np.float32]:
        """f32[d]: He-uniform weights (He et al. 2015, arXiv:1502.01852), zero biases."""
        return self.network.initial(seed)

    def plan(self, batch: int) -> Plan:
        """The descriptor table for `batch` rows at a time."""
        return self.network.plan(batch)

    def summary(self) -> str:
        """One line for people."""
        shape = "-".join(map(str, self.widths))
        return f"MLP {shape}, {self.loss}, {self.parameters:,} parameters"
