"""Rounding to the numbers that int8 can tell apart."""

import attrs

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.models.layers.base import Bound, Shape, Tensor


@attrs.frozen
class FakeQuantise:
    """Rounds every entry to a code of 8 bits times a step that is learnt, and cuts what is beyond.

    signed: codes -127 to 127; otherwise 0 to 255, for what a ReLU made.
    A Dense layer or convolution behind it has rounded weights too, with a step for every output
    (Jacob et al. 2018, arXiv:1712.05877).
    """

    signed: bool = True

    def bind(self, shape: Shape) -> Bound:
        """Any shape; the learnt number is the logarithm of the step, 0 for the one at first."""
        if type(self.signed) is not bool:
            raise ConfigError(f"FakeQuantise takes signed = true or false, not {self.signed!r}")
        geometry = (int(self.signed),)
        return Bound(layout.FAKE_QUANTISE, shape, (Tensor("s", (1,)),), geometry)
