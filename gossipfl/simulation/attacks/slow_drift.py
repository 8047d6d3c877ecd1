"""Slow drift: a small push in one direction for ever, in no message large enough to stand out.

The attack across time that Karimireddy, He and Jaggi (2021, arXiv:2012.10333) warn of.
"""

import numpy as np
from attrs import field, frozen

from gossipfl.simulation.attacks.base import Insight, Lie, Vector
from gossipfl.simulation.chance import stream


@frozen
class SlowDrift(Lie):
    """The truth, and `strength` times its length along one direction.

    seed: of the direction, which all attackers share.
    """

    strength: float
    seed: int = field(default=0)

    def claim(self, insight: Insight) -> Vector:
        """own + strength * ||own - origin|| * direction."""
        direction = stream(self.seed, "drift").standard_normal(insight.origin.shape, np.float32)
        length = self.strength * float(np.linalg.norm(insight.truth))
        return insight.own + direction * np.float32(length / np.linalg.norm(direction))
