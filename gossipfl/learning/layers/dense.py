"""The fully connected layer."""

import math

import attrs

from gossipfl.kernels import layout
from gossipfl.learning.layers.base import Bound, Shape, Tensor, positive


@attrs.frozen
class Dense:
    """Fully connected; takes any shape as a vector.  He-uniform weights (arXiv:1502.01852)."""

    units: int

    def bind(self, shape: Shape) -> Bound:
        """W [units, inputs], b [units]."""
        units, inputs = positive("Dense", self.units), math.prod(shape)
        weights = Tensor("W", (units, inputs), limit=math.sqrt(6 / inputs))
        tensors = (weights, Tensor("b", (units,)))
        return Bound(layout.DENSE, (units,), tensors, operations=units * inputs)
