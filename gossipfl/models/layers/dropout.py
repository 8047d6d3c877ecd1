"""Dropout."""

import attrs

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.models.layers.base import Bound, Shape

DRAWS = 1 << 32  # as in kernels/dropout.py


@attrs.frozen
class Dropout:
    """Zeroes entries with the chance `rate` while training, and enlarges the others to make up."""

    rate: float

    def bind(self, shape: Shape) -> Bound:
        """Any shape."""
        if type(self.rate) not in (int, float) or not 0 <= self.rate < 1:
            raise ConfigError(f"Dropout needs a rate of at least 0 and below 1, not {self.rate!r}")
        threshold = min(round(self.rate * DRAWS), DRAWS - 1)
        return Bound(layout.DROPOUT, shape, geometry=(threshold,))
