"""A node's own copy of the model, and what mixing adds to it."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.delta import Delta
from gossipfl.compression.scales import decode_activity, encode_activity
from gossipfl.gossip.activity import Activity
from gossipfl.gossip.caution import Caution
from gossipfl.gossip.guard import ResidualGuard
from gossipfl.kernels.engine import scatter, updates

Vector = NDArray[np.float32]
AVERAGE_MEMORY: Final = 0.9
# A few links' anchors, which change slowly: shorter, so that training does not start from the past.
ANCHORS_MEMORY: Final = 0.8
# After a leap, anchors that lack more than this of it do not count, for so many rounds.
LEAP_LACK: Final = 0.1
LEAP_ROUNDS: Final = 100


class Replica:
    """x, its control variate h, and the averaged copy that predictions are made with.

    parameters: x, float32[d]; local training and merges add to it, in any order.
    control: h, float32[d]; the drift correction that training adds outside the optimizer
        (Scaffnew, arXiv:2202.09357, here learnt from merge displacements).
    average: running mean of the anchors of the links that are used, float32[d], which is nearer to
        what all nodes have in common than x is, since what no message had room for is missing; of
        x itself while no neighbour is met, and where anchors may be dragged away.
    samples: rows this node trains on, its weight in every merge.
    step_size: learning rates of the latest local steps, summed; displacements divided by it are
        gradients.  So h stays one whatever a schedule does to the rate, and needs no rescaling.
    caution: towards neighbours that are not trusted; None where they are.
    looks_closely: whether it depends on neighbours and anchors what an exchange does to the model.
    """

    def __init__(
        self,
        initial: Vector,
        *,
        samples: int,
        step_size: float,
        activity: float,
        caution: Caution | None = None,
    ) -> None:
        self.parameters = initial.copy()
        self.control = np.zeros_like(initial)
        self.average = initial.copy()
        self.rounds = 0
        self._has_met = False
        self.samples = samples
        self.step_size = step_size
        self.activity = Activity(activity)
        self.guard = ResidualGuard()
        self.caution = caution
        self._leap: Vector | None = None
        self._leapt = 0
        self.looks_closely = caution is not None

    def start(self) -> Vector:
        """The model that local steps start from, itself: the average, where neighbours are met.

        As with error feedback (arXiv:1901.09847), gradients are those of what was told; what was
        withheld is remembered in x.
        """
        return self.average if self._has_met else self.parameters

    def meet(self, anchor: Vector) -> None:
        """An exchange has moved the anchor of its link, float32[d], to here."""
        if self.caution is None and not self._is_left_behind(anchor):
            self._has_met = True
            self._average_in(anchor, ANCHORS_MEMORY)

    def merge_whole(
        self,
        anchor: Vector,
        ours: Delta,
        theirs: Delta,
        our_weight: float,
        their_weight: float,
        activity: float,
        ours_first: bool,
    ) -> None:
        """What `merge` does, the anchor's own move, and what `meet` does, in one call.

        Given the anchor, and what a `Mix` is made of.
        """
        scatter.merge(
            self.parameters,
            self.control,
            activity,
            self.average,
            _share(self.rounds, ANCHORS_MEMORY),
            anchor,
            theirs.indices,
            theirs.values,
            their_weight,
            ours.indices,
            ours.values,
            our_weight,
            ours_first,
        )
        self._has_met = True
        self.activity.touched += len(theirs.indices) + len(ours.indices)

    def leap(self, displacement: Vector) -> None:
        """Go elsewhere at once, f32[d], as a release asks: an increment like any other.

        Links learn of it by their residuals; until they have, predictions go by x alone.
        """
        self.parameters += displacement
        self.average = self.parameters.copy()
        length = float(displacement @ displacement)
        self._leap = displacement / np.float32(length) if length > 0 else None
        self.looks_closely = True
        self._leapt = self.rounds

    def _is_left_behind(self, anchor: Vector) -> bool:
        """Whether the anchor still lies where we were before a leap."""
        if self._leap is None or self.rounds - self._leapt >= LEAP_ROUNDS:
            self._leap, self.looks_closely = None, self.caution is not None
            return False
        return float((self.parameters - anchor) @ self._leap) > LEAP_LACK

    def adopt(self, model: Vector) -> None:
        """A seed has told its model, float32[d]: the next local steps start from there."""
        self._has_met = True
        self.average[:] = model

    def correction(self) -> Vector:
        """h to train with, itself: merges add to it."""
        if self.caution is not None:
            self.caution.cap(self.control)
        return self.control

    def activity_code(self) -> int:
        """Our gain for the control variate, as it goes on the wire; 0 switches it off."""
        if self.step_size <= 0:
            return 0
        # Where caution caps h anyway, learning it faster was measured to gain nothing.
        gain = self.activity.gain if self.caution is None else self.activity.phi
        return encode_activity(self.guard.gain * gain / self.step_size)

    def trained(self, start: Vector, end: Vector, step_size: float) -> None:
        """Local training went from `start` to `end`; merges may have come between."""
        if self.caution is not None:
            self.caution.note_trained(end - start, self.control, step_size)
        updates.advance(self.parameters, start, end)
        self.step_size = step_size

    def merge(
        self, link: bytes, theirs: Delta, ours: Delta, weight: float, activity: float
    ) -> None:
        """x += weight * (theirs - ours), or what caution leaves of it."""
        if self.caution is None:
            self.displace(theirs, weight, ours, -weight, activity)
        else:
            first, second = self.caution.weigh(link, theirs, ours, weight)
            self.displace(theirs, first, ours, -second, activity)

    def rested(self) -> None:
        """A round went by without training, so displacements tell nothing about gradients."""
        self.step_size = 0.0

    def granted(self, link: bytes) -> float:
        """How much of what this link asks for it gets, 0 to 1."""
        return 1.0 if self.caution is None else self.caution.share(link)

    def displace(
        self, delta: Delta, weight: float, other: Delta, other_weight: float, activity: float
    ) -> None:
        """x += both deltas as weighted, and the same displacements times `activity` into h."""
        indices, others = delta.indices, other.indices
        first, second = (indices, delta.values, weight), (others, other.values, other_weight)
        scatter.displace(self.parameters, self.control, activity, *first, *second)
        self.activity.note(len(indices) + len(others))

    def end_round(self) -> bool:
        """Close the books of one round; True when the guard had to act."""
        if not self._has_met:
            self._average_in(self.parameters, AVERAGE_MEMORY)
        self._has_met = False
        self.rounds += 1
        self.activity.end_round(len(self.parameters))
        return self.guard.end_round()

    def _average_in(self, model: Vector, longest: float) -> None:
        updates.approach(self.average, model, _share(self.rounds, longest))


@lru_cache(maxsize=4096)
def _share(rounds: int, longest: float) -> float:
    """Of a new model in the average, which begins as a mean of all."""
    return 1 - min(longest, 1 - 1 / (rounds + 1))


@lru_cache(maxsize=4096)
def shared_activity(ours: int, theirs: int) -> float:
    """The gain that both ends use: the smaller one, so that the sum of n*h stays zero.

    Code 0 at either end switches the control variate off for this exchange.
    """
    return 0.0 if 0 in (ours, theirs) else decode_activity(min(ours, theirs))
