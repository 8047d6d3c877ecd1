"""Layers of a transformer over windows: places in time, and blocks of attention."""

import math

import attrs

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.models.layers.base import Bound, Shape, Tensor, positive, window


@attrs.frozen
class Positions:
    """Adds a learned offset to every entry, by which a transformer tells the steps apart."""

    def bind(self, shape: Shape) -> Bound:
        """Any shape; one offset for each of its entries."""
        return Bound(layout.POSITIONS, shape, (Tensor("P", shape, limit=0.05),))


@attrs.frozen
class TransformerBlock:
    """Attention among the steps of a window, then a feed-forward of `hidden` units with a ReLU.

    Both are normalised first and added to what they were made of (arXiv:2002.04745), so that
    (times, channels) keep their shape; `heads` have equal shares of the channels.
    """

    heads: int
    hidden: int

    def bind(self, shape: Shape) -> Bound:
        """A and O: attention's way in and out; W and V: the feed-forward's; g and h: the norms."""
        times, width = window("TransformerBlock", shape)
        heads, hidden = (positive("TransformerBlock", n) for n in (self.heads, self.hidden))
        if width % heads:
            raise ConfigError(f"TransformerBlock cannot share {width} channels among {heads} heads")
        limit = 1 / math.sqrt(width)
        tensors = (
            Tensor("A", (3 * width, width), limit=math.sqrt(3) * limit),
            Tensor("O", (width, width), limit=limit),
            Tensor("W", (hidden, width), limit=math.sqrt(6) * limit),
            Tensor("V", (width, hidden), limit=1 / math.sqrt(hidden)),
            *(Tensor("o", (width,)), Tensor("w", (hidden,)), Tensor("v", (width,))),
            *(Tensor("g", (width,), fill=1.0), Tensor("b", (width,))),
            *(Tensor("h", (width,), fill=1.0), Tensor("c", (width,))),
        )
        operations = times * width * (4 * width + 2 * hidden + 2 * times)
        geometry = (times, heads, hidden)
        return Bound(layout.TRANSFORMER, shape, tensors, geometry, operations)
