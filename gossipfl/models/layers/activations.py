"""Functions of one entry each."""

import attrs

from gossipfl.kernels import layout
from gossipfl.models.layers.base import Bound, Shape


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
