"""Inner product manipulation (Xie et al. 2020, arXiv:1903.03936): a mean of negative progress."""

import numpy as np
from attrs import frozen

from gossipfl.simulation.attacks.base import Insight, Lie, Vector


@frozen
class InnerProduct(Lie):
    """The honest mean step backwards, small enough to hide: what honest nodes do next undoes it.

    In gossip the honest mean difference to the anchor plays the part of the mean gradient.
    """

    strength: float

    def claim(self, insight: Insight) -> Vector:
        """origin - strength * (mean - origin), with a strength below 1."""
        return insight.origin - np.float32(self.strength) * (insight.mean - insight.origin)
