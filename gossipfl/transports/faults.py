"""What a bad network does to frames, drawn from one seed: pure, so that a run can be repeated."""

from collections.abc import Iterable

import attrs
import numpy as np
from attrs.validators import and_, ge, gt, le, optional

_PROBABILITY = and_(ge(0.0), le(1.0))


@attrs.frozen(kw_only=True)
class Faults:
    """What happens to frames in one direction between two names.

    delay_s: seconds that every frame takes.
    jitter_s: up to so many more, uniformly; on its own it never changes the order.
    loss: probability that a frame vanishes.
    reorder: probability that a frame is held for `hold_s` seconds while others overtake it.
    duplicate: probability that a frame arrives twice, the copy with its own jitter and hold.
    bytes_per_s: frames of a link wait for those before them; None: as fast as they come.
    queue_max: frames in flight; more are lost, as in a router.
    """

    delay_s: float = attrs.field(default=0.0, validator=ge(0))
    jitter_s: float = attrs.field(default=0.0, validator=ge(0))
    loss: float = attrs.field(default=0.0, validator=_PROBABILITY)
    reorder: float = attrs.field(default=0.0, validator=_PROBABILITY)
    hold_s: float = attrs.field(default=0.05, validator=ge(0))
    duplicate: float = attrs.field(default=0.0, validator=_PROBABILITY)
    bytes_per_s: float | None = attrs.field(default=None, validator=optional(gt(0)))
    queue_max: int = attrs.field(default=1024, validator=ge(1))


class Conditions:
    """The state of all paths between named participants.

    faults: of every path that `impair` has not set; may be replaced at any time.
    """

    def __init__(self, rng: np.random.Generator, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._rng = rng
        self._impaired: dict[tuple[str, str], Faults] = {}
        self._cuts: list[tuple[frozenset[str], frozenset[str]]] = []

    def impair(self, sender: str, receiver: str, faults: Faults) -> None:
        """Set the faults of one direction; what is in flight already stays as it was."""
        self._impaired[sender, receiver] = faults

    def partition(self, some: Iterable[str], others: Iterable[str]) -> None:
        """Silently lose all that passes between the two, both ways, until heal()."""
        self._cuts.append((frozenset(some), frozenset(others)))

    def heal(self) -> None:
        """End all partitions."""
        self._cuts.clear()

    def is_cut(self, sender: str, receiver: str) -> bool:
        ends = sender, receiver
        return any(_crosses(ends, cut) or _crosses(ends, cut[::-1]) for cut in self._cuts)

    def faults_of(self, sender: str, receiver: str) -> Faults:
        return self._impaired.get((sender, receiver), self.faults)

    def arrivals(self, sender: str, receiver: str) -> list[tuple[float, bool]]:
        """Draw the fate of one frame: (seconds until it arrives, was it held) for each copy."""
        faults = self.faults_of(sender, receiver)
        # Always as many draws, so that changing one fault leaves the others as they were.
        draws = self._rng.random(6).tolist()
        copies = 0 if draws[0] < faults.loss else 2 if draws[1] < faults.duplicate else 1
        return [_arrival(faults, draws[2 + 2 * i], draws[3 + 2 * i]) for i in range(copies)]


def _arrival(faults: Faults, jitter: float, reorder: float) -> tuple[float, bool]:
    held = reorder < faults.reorder
    after_s = faults.delay_s + faults.jitter_s * jitter + faults.hold_s * held
    return after_s, held


def _crosses(ends: tuple[str, str], cut: tuple[frozenset[str], ...]) -> bool:
    return ends[0] in cut[0] and ends[1] in cut[1]
