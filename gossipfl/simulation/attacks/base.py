"""What an attack is: rows that lie, or messages that do."""

from abc import ABC, abstractmethod

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset

Vector = NDArray[np.float32]


@frozen(kw_only=True, eq=False)
class Insight:
    """All that attackers know, which is more than any real one would: they see every model.

    own: the attacker's own model, kept as an honest node keeps its, float32[d].
    anchor: float32[d] of the link it lies on; float32[0] for schemes that have none.
    victim: the model of the node at the link's other end, float32[d].
    honest: models of honest nodes, float32[m, d].
    rng: of this attacker.
    """

    own: Vector
    anchor: Vector
    victim: Vector
    honest: NDArray[np.float32]
    rng: np.random.Generator

    @property
    def mean(self) -> Vector:
        """Of the honest models, float32[d]."""
        return np.asarray(self.honest.mean(0), np.float32)

    @property
    def origin(self) -> Vector:
        """What the victim will take our model's difference from, float32[d]."""
        return self.anchor if self.anchor.size else self.victim

    @property
    def truth(self) -> Vector:
        """What the attacker would send if it were honest, before compression, float32[d]."""
        return self.own - self.origin


class Lie(ABC):
    """Attackers that train and merge as others do, but claim to hold any model they like."""

    @abstractmethod
    def claim(self, insight: Insight) -> Vector:
        """The model that we say is ours, float32[d]; the scheme's own code makes it a message."""


class Poison(ABC):
    """Attackers that follow every rule, on rows that are wrong."""

    @abstractmethod
    def poison(self, share: Dataset, classes: int) -> Dataset:
        """The rows that the attacker trains on, for its own; classes: 0 for a regression."""


Attack = Lie | Poison
