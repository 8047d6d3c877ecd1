"""Who keeps pulling us one way: a sketch of all that a link has ever moved, per link.

An honest neighbour's merges cancel out in the long run, since two models that both learn stay
close; whoever wants us elsewhere has to pull for ever.  The sum of a link's displacements is kept
as a count sketch (Charikar, Chen and Farach-Colton 2002), whose length is that of the sum.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SKETCH: Final = 256
MEMORY: Final = 0.95
LINKS_MAX: Final = 64
USUAL: Final = 1 / 3
SLACK: Final = 1.5
FEW_LINKS: Final = 4
SHARE_OF_FEW: Final = 0.25
SHARE_MIN: Final = 0.3

Floats = NDArray[np.float32]


class Pulls:
    """One sketch a link, of those that were used last.

    size: of the model.  seed: of the buckets; private, or neighbours could pull where we are blind.
    """

    def __init__(self, size: int, seed: int) -> None:
        rng = np.random.Generator(np.random.PCG64(seed))
        self._buckets = rng.integers(SKETCH, size=size, dtype=np.int16)
        self._signs = (2 * rng.integers(2, size=size, dtype=np.int8) - 1).astype(np.int8)
        self.sketches: dict[bytes, Floats] = {}

    def note(self, link: bytes, indices: NDArray[np.int32], values: Floats) -> None:
        """The link moves our model by `values` at `indices`, which may repeat."""
        sums = np.bincount(
            self._buckets[indices], self._signs[indices] * values.astype(np.float64), SKETCH
        )
        # Taken out and put back: the dictionary stays in order of use.
        known = self.sketches.pop(link, np.zeros(SKETCH, np.float32))
        self.sketches[link] = (np.float32(MEMORY) * known + sums).astype(np.float32)
        if len(self.sketches) > LINKS_MAX:
            del self.sketches[next(iter(self.sketches))]

    def share(self, link: bytes) -> float:
        """How much of what a link wants is granted, 0 to 1: whole if it pulls as others do.

        Usual is what a third of the links do not exceed, so that liars may be half of a view, and
        may make honest neighbours seem to pull, which lead a victim back, without being usual.
        """
        if len(self.sketches) < FEW_LINKS:
            return SHARE_OF_FEW
        lengths = {each: float(np.linalg.norm(sums)) for each, sums in self.sketches.items()}
        usual, own = float(np.quantile(list(lengths.values()), USUAL)), lengths.get(link, 0.0)
        if own <= SLACK * usual:
            return 1.0
        share = (SLACK * usual / own) ** 2
        return share if share >= SHARE_MIN else 0.0
