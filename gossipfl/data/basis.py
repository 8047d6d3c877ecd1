"""Input bases: a fixed transform of the inputs, so that a smaller first layer sees the same signal.

Images and sensor windows carry most of their energy in low frequencies.  A model that sees just
those has fewer parameters to exchange; the transform itself is constant and costs no bytes.
"""

import math
import re
from collections.abc import Callable
from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError

Floats = NDArray[np.float32]

INPUTS_MAX = 65_536
HELP = "a basis is identity, dct1:TxC:M or dct2:HxW:M, for instance dct1:100x6:16 or dct2:28x28:64"


class Basis(Protocol):
    """A fixed linear map from raw features to model inputs."""

    def inputs(self, raw: int) -> int:
        """Model inputs for `raw` features.  Raises ConfigError when they do not fit."""

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """What layers see an example as that had the shape `raw`."""

    def transform(self, features: Floats) -> Floats:
        """f32[n, inputs] from f32[n, raw]: always a new, writable array."""


@attrs.frozen
class Identity:
    """Features as they are; right for columns without an order."""

    def inputs(self, raw: int) -> int:
        """As many as there are features."""
        return raw

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """The same."""
        return raw

    def transform(self, features: Floats) -> Floats:
        """A copy."""
        return features.copy()


@attrs.frozen
class Dct1:
    """Orthonormal DCT-II along time of windows [times, channels] row-major.

    The `kept` lowest frequencies, as [kept, channels].
    """

    times: int
    channels: int
    kept: int
    _rows: Floats = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        rows = _cosines(self.times, self.kept) * math.sqrt(self.kept / self.times)
        object.__setattr__(self, "_rows", rows.astype(np.float32))

    def inputs(self, raw: int) -> int:
        """kept times channels."""
        _require(raw, self.times, self.channels)
        return self.kept * self.channels

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """[kept, channels]."""
        return self.kept, self.channels

    def transform(self, features: Floats) -> Floats:
        """f32[n, kept * channels]."""
        windows = features.reshape(len(features), self.times, self.channels)
        spectrum: Floats = np.matmul(self._rows, windows)
        return spectrum.reshape(len(features), self.kept * self.channels)


@attrs.frozen
class Dct2:
    """Orthonormal DCT-II of images [height, width] row-major.

    The `kept` frequencies (u, v) of least u^2 + v^2; ties in raster order.
    """

    height: int
    width: int
    kept: int
    _down: Floats = attrs.field(init=False, eq=False, repr=False)
    _across: Floats = attrs.field(init=False, eq=False, repr=False)
    _chosen: NDArray[np.int64] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        u, v = np.divmod(np.arange(self.height * self.width), self.width)
        chosen = np.argsort(u * u + v * v, kind="stable")[: self.kept]
        # Frequencies that no chosen coefficient uses are never computed.
        rows, columns = int(u[chosen].max()) + 1, int(v[chosen].max()) + 1
        object.__setattr__(self, "_down", _cosines(self.height, rows).astype(np.float32))
        object.__setattr__(self, "_across", _cosines(self.width, columns).T.astype(np.float32))
        object.__setattr__(self, "_chosen", u[chosen] * columns + v[chosen])

    def inputs(self, raw: int) -> int:
        """kept."""
        _require(raw, self.height, self.width)
        return self.kept

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """[kept]."""
        return (self.kept,)

    def transform(self, features: Floats) -> Floats:
        """f32[n, kept]."""
        images = features.reshape(len(features), self.height, self.width)
        spectrum: Floats = np.matmul(np.matmul(self._down, images), self._across)
        flat = spectrum.reshape(len(features), len(self._down) * self._across.shape[1])
        # take, not a fancy index: that would give the columns of a transposed array.
        return flat.take(self._chosen, axis=1)


def parse_basis(text: str) -> Basis:
    """The basis that `text` names.  Raises ConfigError."""
    if text == "identity":
        return Identity()
    match = re.fullmatch(r"(dct[12]):([1-9]\d{0,5})x([1-9]\d{0,5}):([1-9]\d{0,5})", text, re.ASCII)
    if match is None:
        raise ConfigError(f"{HELP}, not {text[:60]!r}")
    first, second, kept = map(int, match.groups()[1:])
    if first * second > INPUTS_MAX:
        raise ConfigError(f"basis {text}: at most {INPUTS_MAX} raw features")
    most = first if match[1] == "dct1" else first * second
    if kept > most:
        raise ConfigError(f"basis {text}: there are only {most} frequencies to keep")
    make: Callable[[int, int, int], Basis] = Dct1 if match[1] == "dct1" else Dct2
    return make(first, second, kept)


def _require(raw: int, first: int, second: int) -> None:
    if raw != first * second:
        raise ConfigError(
            f"the basis takes {first}x{second} = {first * second} features, but rows have {raw}"
        )


def _cosines(length: int, kept: int) -> NDArray[np.float64]:
    """The first rows of the orthonormal DCT-II matrix, f64[kept, length]."""
    frequency, place = np.arange(kept)[:, None], np.arange(length)
    matrix = np.cos(np.pi * frequency * (2 * place + 1) / (2 * length)) * math.sqrt(2 / length)
    matrix[0] = math.sqrt(1 / length)
    return matrix
