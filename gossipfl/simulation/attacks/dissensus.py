"""Dissensus (He, Karimireddy and Jaggi 2022, arXiv:2202.01545): drive honest nodes apart."""

import numpy as np
from attrs import frozen

from gossipfl.simulation.attacks.base import Insight, Lie, Vector


@frozen
class Dissensus(Lie):
    """Each victim is pulled away from the others by `strength` times its distance to them."""

    strength: float

    def claim(self, insight: Insight) -> Vector:
        """victim + strength * (victim - mean)."""
        return insight.victim + np.float32(self.strength) * (insight.victim - insight.mean)
