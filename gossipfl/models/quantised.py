"""Models that are trained to be run in int8: where their numbers are rounded."""

from collections.abc import Iterable
from typing import Final, Literal

from gossipfl.errors import ConfigError
from gossipfl.models.layers import (
    AveragePool1D,
    AveragePool2D,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    FakeQuantise,
    GlobalAverage,
    Layer,
    MaxPool1D,
    MaxPool2D,
    ReLU,
)

Quantise = Literal["none", "int8"]

# What computes with integers, each behind numbers that were rounded for it ...
_COMPUTES: Final = (Dense, Conv1D, Conv2D)
_AVERAGES: Final = (AveragePool1D, AveragePool2D, GlobalAverage)
# ... and what does not mind whether it comes before or after rounding.
_PASSES: Final = (ReLU, MaxPool1D, MaxPool2D, Dropout)


def quantised(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """The layers, with a FakeQuantise in front of each that computes.

    Raises ConfigError for a layer that int8 has no arithmetic for, and unless the last one
    computes.
    """
    found: list[Layer] = []
    signed = True
    for place, layer in enumerate(layers, start=1):
        if isinstance(layer, _COMPUTES + _AVERAGES):
            found.append(FakeQuantise(signed))
        elif not isinstance(layer, _PASSES):
            raise ConfigError(_refusal(place, layer))
        found.append(layer)
        signed = isinstance(layer, _COMPUTES) or (signed and not isinstance(layer, ReLU))
    if not found or isinstance(found[-1], _PASSES):
        raise ConfigError("the last layer of an int8 model is Dense, a convolution or an average")
    return tuple(found)


def _refusal(place: int, layer: Layer) -> str:
    known = ", ".join(kind.__name__ for kind in _COMPUTES + _AVERAGES + _PASSES)
    name = type(layer).__name__
    return f'layer {place}: {name} cannot run in int8, only {known}: replace it, or quantise "none"'
