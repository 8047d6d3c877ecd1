"""Random models: the plainest Byzantine fault of Blanchard et al. 2017 (arXiv:1703.02757)."""

import numpy as np
from attrs import frozen

from gossipfl.simulation.attacks.base import Insight, Lie, Vector


@frozen
class Noise(Lie):
    """Gaussian noise, `strength` times as long as the truth, new in every message."""

    strength: float

    def claim(self, insight: Insight) -> Vector:
        """origin + noise."""
        noise = insight.rng.standard_normal(insight.origin.shape, np.float32)
        length = self.strength * float(np.linalg.norm(insight.truth))
        return insight.origin + noise * np.float32(length / np.linalg.norm(noise))
