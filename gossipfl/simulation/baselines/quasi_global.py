"""Quasi-global momentum: D-PSGD whose momentum is that of the mixed models, not of local steps.

Lin et al., "Quasi-Global Momentum: Accelerating Decentralized Deep Learning on Heterogeneous Data"
(2021, arXiv:2102.04761), Algorithm 1 (QG-DSGDm), with several local steps between two mixings.  It
sends nothing beyond D-PSGD's models.
"""

import numpy as np

from gossipfl.errors import ConfigError
from gossipfl.simulation.baselines.dpsgd import DPSGD


class QuasiGlobal(DPSGD):
    """momentum: beta, and mu, which the paper sets alike; at least 0 and below 1."""

    def __init__(self, momentum: float) -> None:
        super().__init__()
        if not 0 <= momentum < 1:
            raise ConfigError(f"a momentum is at least 0 and below 1, not {momentum}")
        self._momentum = np.float32(momentum)

    def prepare(self) -> None:
        """starts: models before the round; momenta: m, in gradients."""
        self.starts = [self.world.initial.copy() for _ in self.members]
        self.momenta = [np.zeros_like(self.world.initial) for _ in self.members]

    def mix(self, node: int, heard: dict[int, bytes]) -> None:
        """m moves to how far a whole round went, and every next step goes beta * m further."""
        super().mix(node, heard)
        member, start, momentum = self.members[node], self.starts[node], self.momenta[node]
        moved = (start - self.parameters(node)) / np.float32(member.learner.step_size)
        momentum += (1 - self._momentum) * (moved - momentum)
        member.replica.control[:] = -self._momentum * momentum
        start[:] = self.parameters(node)
