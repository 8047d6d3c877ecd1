"""Convolutions over images and over windows."""

import math
from typing import Final, Literal

import attrs

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.models.layers.base import Bound, Shape, Tensor, image, positive, window

KERNEL_MAX: Final = 64  # of a kernel's sides and of strides

Padding = Literal["same", "valid"]


@attrs.frozen
class Conv2D:
    """Filters that slide over images (height, width, channels); gives (..., filters).

    kernel: both sides of a filter.  stride: positions from one place to the next.
    padding: "same" adds zeros around, so that stride 1 keeps the size; "valid" adds none.
    He-uniform weights (arXiv:1502.01852).
    """

    filters: int
    kernel: int
    stride: int = 1
    padding: Padding = "same"

    def bind(self, shape: Shape) -> Bound:
        """W [filters, kernel, kernel, channels], b [filters]."""
        height, width, channels = image("Conv2D", shape)
        out_height, kernel = _slide("Conv2D", self, height)
        out_width, _ = _slide("Conv2D", self, width)
        return _bind(
            self,
            Tensor("W", (self.filters, kernel, kernel, channels)),
            (height, width, kernel, kernel, self.stride, out_height, out_width),
            (out_height, out_width, self.filters),
        )


@attrs.frozen
class Conv1D:
    """Filters that slide over windows (times, channels); gives (..., filters).  See Conv2D."""

    filters: int
    kernel: int
    stride: int = 1
    padding: Padding = "same"

    def bind(self, shape: Shape) -> Bound:
        """W [filters, kernel, channels], b [filters]."""
        times, channels = window("Conv1D", shape)
        out, kernel = _slide("Conv1D", self, times)
        return _bind(
            self,
            Tensor("W", (self.filters, kernel, channels)),
            (1, times, 1, kernel, self.stride, 1, out),
            (out, self.filters),
        )


def _slide(name: str, layer: Conv1D | Conv2D, size: int) -> tuple[int, int]:
    """(places of the kernel along a side of `size`, the kernel's side).  Raises ConfigError."""
    positive(name, layer.filters)
    kernel, stride = positive(name, layer.kernel), positive(name, layer.stride)
    if max(kernel, stride) > KERNEL_MAX:
        raise ConfigError(f"{name} takes kernels and strides up to {KERNEL_MAX}")
    if layer.padding == "same":
        return -(-size // stride), kernel
    if layer.padding != "valid":
        raise ConfigError(f"{name}'s padding is same or valid, not {layer.padding!r:.40}")
    if kernel > size:
        raise ConfigError(f'{name}: a kernel of {kernel} needs padding "same" on a side of {size}')
    return (size - kernel) // stride + 1, kernel


def _bind(layer: Conv1D | Conv2D, weights: Tensor, sizes: Shape, shape: Shape) -> Bound:
    taps, positions = math.prod(weights.shape[1:]), math.prod(shape[:-1])
    weights = attrs.evolve(weights, limit=math.sqrt(6 / taps))
    return Bound(
        layout.CONVOLUTION,
        shape,
        (weights, Tensor("b", (layer.filters,))),
        sizes,
        operations=positions * taps * layer.filters,
    )
