"""A Little Is Enough (Baruch et al. 2019, arXiv:1902.06156): hide within the honest spread."""

import numpy as np
from attrs import frozen

from gossipfl.simulation.attacks.base import Insight, Lie, Vector


@frozen
class Alie(Lie):
    """All attackers claim the same model, `strength` standard deviations off the honest mean."""

    strength: float

    def claim(self, insight: Insight) -> Vector:
        """mean - strength * deviation, coordinate by coordinate."""
        deviation = np.asarray(insight.honest.std(0), np.float32)
        return insight.mean - np.float32(self.strength) * deviation
