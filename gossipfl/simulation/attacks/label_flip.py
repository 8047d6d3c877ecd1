"""Label flipping (Tolpegin et al. 2020, arXiv:2007.08432): honest training on wrong answers."""

import attrs

from gossipfl.data.dataset import Dataset
from gossipfl.simulation.attacks.base import Poison


@attrs.frozen
class LabelFlip(Poison):
    """Class c becomes the c-th from the end; values change their sign."""

    def poison(self, share: Dataset, classes: int) -> Dataset:
        """The same features with other targets."""
        targets = classes - 1 - share.targets if classes else -share.targets
        return attrs.evolve(share, targets=targets)
