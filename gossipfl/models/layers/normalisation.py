"""Layers that even out what reaches them."""

import attrs

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.models.layers.base import Bound, Shape, Tensor, positive


@attrs.frozen
class LayerNorm:
    """Every example to mean 0 and variance 1, then a gain and a bias per entry."""

    def bind(self, shape: Shape) -> Bound:
        """Any shape; one gain and one bias for each of its entries."""
        return Bound(layout.LAYER_NORM, shape, (Tensor("g", shape, fill=1.0), Tensor("b", shape)))


@attrs.frozen
class GroupNorm:
    """Groups of adjoining channels, over all positions of an example, to mean 0 and variance 1.

    Then a gain and a bias per channel (Wu & He 2018, arXiv:1803.08494).
    """

    groups: int

    def bind(self, shape: Shape) -> Bound:
        """(..., channels), of which the groups get equal shares."""
        groups, channels = positive("GroupNorm", self.groups), shape[-1]
        if len(shape) < 2:
            raise ConfigError(f"GroupNorm takes (..., channels), not the shape {shape}")
        if channels % groups:
            raise ConfigError(f"GroupNorm cannot make {groups} equal groups of {channels} channels")
        tensors = Tensor("g", (channels,), fill=1.0), Tensor("b", (channels,))
        return Bound(layout.GROUP_NORM, shape, tensors, (channels, groups))
