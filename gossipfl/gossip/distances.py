"""How far off each neighbour's model is: the farthest, where they stand out, are left out.

Nearest-neighbour averaging (Farhadkhani et al. 2023, arXiv:2209.10931), one exchange at a time: a
neighbour's model is taken to be where the link's anchor is, plus the half that it has just sent.
Liars that pull too softly for their pulls to show, backwards or apart, stand away instead.
"""

from typing import Final

import numpy as np

from gossipfl.gossip.pulls import FEW_LINKS, LINKS_MAX, USUAL

MEMORY: Final = 0.5
SLACK: Final = 1.2
# One in so many links is assumed to attack, rounded up.
ATTACKERS_ONE_IN: Final = 5


class Distances:
    """A running mean a link, of those that were used last.

    means: by link, of the Euclidean distance from our model to the neighbour's.
    """

    def __init__(self) -> None:
        self.means: dict[bytes, float] = {}

    def note(self, link: bytes, distance: float) -> None:
        """The neighbour was so far from us before either moved."""
        # Taken out and put back: the dictionary stays in order of use.
        known = self.means.pop(link, distance)
        self.means[link] = MEMORY * known + (1 - MEMORY) * distance
        if len(self.means) > LINKS_MAX:
            del self.means[next(iter(self.means))]

    def is_outlier(self, link: bytes) -> bool:
        """It is among the farthest fifth of the links, and well beyond what is usual."""
        if len(self.means) < FEW_LINKS or link not in self.means:
            return False
        ranked, own = sorted(self.means.values()), self.means[link]
        attackers = -(-len(ranked) // ATTACKERS_ONE_IN)
        return own >= ranked[-attackers] and own > SLACK * float(np.quantile(ranked, USUAL))
