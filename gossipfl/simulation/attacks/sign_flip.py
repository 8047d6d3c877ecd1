"""Sign flipping: the opposite of what is true, enlarged (Li et al. 2019, arXiv:1811.03761)."""

import numpy as np
from attrs import frozen

from gossipfl.simulation.attacks.base import Insight, Lie, Vector


@frozen
class SignFlip(Lie):
    """The truth times -strength."""

    strength: float

    def claim(self, insight: Insight) -> Vector:
        """origin - strength * (own - origin)."""
        return insight.origin - np.float32(self.strength) * insight.truth
