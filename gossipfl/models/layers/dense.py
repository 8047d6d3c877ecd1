"""The fully connected layer."""

import math

import attrs

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.models.layers.base import Bound, Shape, Tensor, positive


@attrs.frozen
class Dense:
    """Fully connected; takes any shape as a vector.  He-uniform weights (arXiv:1502.01852).

    each: take every vector along the last axis on its own, say each step of a window, all with the
        same weights.
    """

    units: int
    each: bool = False

    def bind(self, shape: Shape) -> Bound:
        """W [units, inputs], b [units]."""
        if type(self.each) is not bool:
            raise ConfigError(f"Dense takes each = true or false, not {self.each!r}")
        kept = shape[:-1] if self.each else ()
        count = math.prod(kept)
        units, inputs = positive("Dense", self.units), math.prod(shape) // count
        weights = Tensor("W", (units, inputs), limit=math.sqrt(6 / inputs))
        tensors = (weights, Tensor("b", (units,)))
        operations = count * units * inputs
        return Bound(layout.DENSE, (*kept, units), tensors, (count,), operations)
