"""Layers that even out what reaches them."""

import attrs

from gossipfl.kernels import layout
from gossipfl.learning.layers.base import Bound, Shape, Tensor


@attrs.frozen
class LayerNorm:
    """Every example to mean 0 and variance 1, then a gain and a bias per entry."""

    def bind(self, shape: Shape) -> Bound:
        """Any shape; one gain and one bias for each of its entries."""
        return Bound(layout.LAYER_NORM, shape, (Tensor("g", shape, fill=1.0), Tensor("b", shape)))
