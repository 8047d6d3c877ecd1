"""Layers that read a window step by step."""

import math

import attrs

from gossipfl.kernels import layout
from gossipfl.models.layers.base import Bound, Shape, Tensor, positive, window


@attrs.frozen
class GRU:
    """A gated recurrent unit over windows [times, channels]; its result is the last state."""

    units: int

    def bind(self, shape: Shape) -> Bound:
        """W [3 units, channels], U [3 units, units], b and c [3 units]; gates r, z, n."""
        units, (times, channels) = positive("GRU", self.units), window("GRU", shape)
        limit = 1 / math.sqrt(units)
        tensors = (
            Tensor("W", (3 * units, channels), limit=limit),
            Tensor("U", (3 * units, units), limit=limit),
            Tensor("b", (3 * units,)),
            Tensor("c", (3 * units,)),
        )
        operations = 3 * times * units * (channels + units)
        return Bound(layout.GRU, (units,), tensors, (times,), operations)


@attrs.frozen
class FastGRNN:
    """A recurrent layer with a third of a GRU's parameters, over windows [times, channels]."""

    units: int

    def bind(self, shape: Shape) -> Bound:
        """W [units, channels], U [units, units], biases [2, units], zeta and nu [2]."""
        units, (times, channels) = positive("FastGRNN", self.units), window("FastGRNN", shape)
        limit = 1 / math.sqrt(units)
        tensors = (
            Tensor("W", (units, channels), limit=limit),
            Tensor("U", (units, units), limit=limit),
            Tensor("b", (2, units), fill=1.0),
            Tensor("zeta", (1,), fill=1.0),
            Tensor("nu", (1,), fill=-4.0),
        )
        operations = times * units * (channels + units)
        return Bound(layout.FASTGRNN, (units,), tensors, (times,), operations)
