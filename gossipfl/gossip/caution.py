"""What keeps neighbours that are not trusted from steering us; costs no message and no byte.

Each merge is judged in this order: the displacement that it asks for counts as the link's pull, a
link that pulls harder than others is granted less, one whose model stands far off gets nothing, and
either half is cut to a length usual for ours: a liar that drags the anchor away makes our own half
long as well.  The anchor takes both halves whole, so both ends of a link stay in step.
The control variate stays shorter than our own gradients.  Uncapped, a neighbour that never gives
way winds it up; capped, gradients hold it back in the end, since h can push x no farther than
where they are as long as h.
"""

from typing import Final

import msgpack
import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.delta import Delta
from gossipfl.errors import StateError
from gossipfl.gossip.distances import Distances
from gossipfl.gossip.pulls import LINKS_MAX, SKETCH, Pulls

MEMORY: Final = 0.9
LENGTH_MAX: Final = 1.5
CONTROL_MAX: Final = 0.8
WEIGHT_MAX: Final = 0.8
SEED_MAX: Final = 2**32 - 1

Vector = NDArray[np.float32]


class Caution:
    """One node's own measure of what is usual.

    length: running mean of the norm of our own halves, on links as far as they are granted.
    gradient: running mean of the norm of a round's mean gradient, the correction left out.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = seed
        self.length = 0.0
        self.gradient = 0.0
        self.pulls = Pulls(size, seed)
        self.distances = Distances()

    def share(self, link: bytes) -> float:
        """How much of what a link asks for it gets, 0 to 1."""
        return 0.0 if self.distances.is_outlier(link) else self.pulls.share(link)

    def weigh(self, link: bytes, theirs: Delta, ours: Delta, weight: float) -> tuple[float, float]:
        """Weights of (theirs, ours) in our displacement, which is weight * (theirs - ours)."""
        indices = np.concatenate([theirs.indices, ours.indices])
        asked = np.float32(weight) * np.concatenate([theirs.values, -ours.values])
        self.pulls.note(link, indices, asked)
        share = self.share(link)
        lengths = theirs.norm(), ours.norm()
        self.length = _average(self.length, lengths[1], share)
        limit = LENGTH_MAX * self.length
        first, second = (weight * share * _at_most(length, limit) for length in lengths)
        return first, second

    def note_trained(self, displacement: Vector, control: Vector, step_size: float) -> None:
        """A round of local training moved the model so far, of which `control` is a part."""
        if step_size > 0:
            gradient = displacement / np.float32(step_size) - control
            self.gradient = _average(self.gradient, float(np.linalg.norm(gradient)))

    def cap(self, control: Vector) -> None:
        """Shorten the control variate, in place, to a share of our own gradients."""
        length = float(np.linalg.norm(control))
        control *= np.float32(_at_most(length, CONTROL_MAX * self.gradient))

    def snapshot(self) -> bytes:
        """All of it, for `restore`."""
        known = self.pulls.sketches.items()
        sketches = {link: sums.astype("<f4").tobytes() for link, sums in known}
        state = [self._seed, self.length, self.gradient, sketches, self.distances.means]
        return bytes(msgpack.packb(state))

    def restore(self, snapshot: bytes) -> None:
        """Go on where `snapshot` was taken.  Raises StateError, and then changes nothing."""
        try:
            seed, length, gradient, packed, means = msgpack.unpackb(snapshot)
            sketches = {link: _sketch(sums) for link, sums in packed.items()}
            lengths = (length, gradient, *means.values())
            legal = 0 <= seed <= SEED_MAX and all(0 <= each < np.inf for each in lengths)
        except (ValueError, TypeError, AttributeError, msgpack.UnpackException) as error:
            raise StateError(f"what is known of neighbours: damaged ({error}); remove it") from None
        if not legal or max(len(sketches), len(means)) > LINKS_MAX:
            raise StateError("what is known of neighbours: damaged (impossible values); remove it")
        self.length, self.gradient, self._seed = length, gradient, seed
        self.pulls, self.distances = Pulls(self._size, seed), Distances()
        self.pulls.sketches.update(sketches)
        self.distances.means.update(means)


def _average(mean: float, value: float, weight: float = 1.0) -> float:
    return mean + (1 - MEMORY) * weight * (value - mean) if mean else value


def _at_most(length: float, limit: float) -> float:
    """The factor that shortens `length` to `limit`."""
    return 1.0 if length <= limit else limit / length


def _sketch(data: bytes) -> NDArray[np.float32]:
    sums = np.frombuffer(data, "<f4").astype(np.float32)
    if sums.shape != (SKETCH,) or not np.isfinite(sums).all():
        raise ValueError("a sketch is cut short or not finite")
    return sums
