"""Layers that make one position of several that adjoin; each channel on its own."""

import math

import attrs

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.models.layers.base import Bound, Shape, image, positive, window


@attrs.frozen
class MaxPool2D:
    """The largest of every size x size square of an image; what is left at the edges is dropped."""

    size: int

    def bind(self, shape: Shape) -> Bound:
        """Images (height, width, channels)."""
        return _over_images(layout.MAX_POOL, self, shape)


@attrs.frozen
class AveragePool2D:
    """The mean of every size x size square of an image; what is left at the edges is dropped."""

    size: int

    def bind(self, shape: Shape) -> Bound:
        """Images (height, width, channels)."""
        return _over_images(layout.AVERAGE_POOL, self, shape)


@attrs.frozen
class MaxPool1D:
    """The largest of every `size` steps of a window; what is left at the end is dropped."""

    size: int

    def bind(self, shape: Shape) -> Bound:
        """Windows (times, channels)."""
        return _over_windows(layout.MAX_POOL, self, shape)


@attrs.frozen
class AveragePool1D:
    """The mean of every `size` steps of a window; what is left at the end is dropped."""

    size: int

    def bind(self, shape: Shape) -> Bound:
        """Windows (times, channels)."""
        return _over_windows(layout.AVERAGE_POOL, self, shape)


@attrs.frozen
class GlobalAverage:
    """The mean over all positions: (..., channels) becomes (channels,)."""

    def bind(self, shape: Shape) -> Bound:
        """Images or windows."""
        if len(shape) < 2:
            raise ConfigError(f"GlobalAverage takes (..., channels), not the shape {shape}")
        positions = math.prod(shape[:-1])
        return Bound(layout.AVERAGE_POOL, shape[-1:], geometry=(1, positions, 1, positions))


Pool1D = MaxPool1D | AveragePool1D
Pool2D = MaxPool2D | AveragePool2D


def _over_images(kind: int, layer: Pool2D, shape: Shape) -> Bound:
    name = type(layer).__name__
    height, width, channels = image(name, shape)
    size = _size(name, layer.size, min(height, width))
    result = (height // size, width // size, channels)
    return Bound(kind, result, geometry=(height, width, size, size))


def _over_windows(kind: int, layer: Pool1D, shape: Shape) -> Bound:
    name = type(layer).__name__
    times, channels = window(name, shape)
    size = _size(name, layer.size, times)
    return Bound(kind, (times // size, channels), geometry=(1, times, 1, size))


def _size(name: str, size: int, room: int) -> int:
    if positive(name, size) > room:
        raise ConfigError(f"{name}: a size of {size} does not fit into a side of {room}")
    return size
