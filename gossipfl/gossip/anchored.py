"""Shared-anchor gossip: compressed differences to one vector that both ends of a link hold.

The anchor plays the part of CHOCO-SGD's public copies (arXiv:1902.00340) with one vector a link
instead of two, moved by both ends alike, so that mixing needs no step size; the displacements
feed a control variate as in Scaffnew (arXiv:2202.09357).
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.codec import Codec
from gossipfl.compression.delta import Delta
from gossipfl.gossip.link import Applied, Side
from gossipfl.gossip.mix import Mix
from gossipfl.gossip.replica import Replica, shared_activity
from gossipfl.gossip.scheme import Scheme, weights
from gossipfl.kernels.engine import scatter, updates

Vector = NDArray[np.float32]
SEED_RATIO: Final = 0.2


class AnchoredGossip(Scheme):
    """The scheme that a mesh uses unless told otherwise.

    codec: turns x - anchor into a payload; what it withholds stays in the residual.
    seed_codec: the denser one that re-seeds a link, and that catches up on a cold one.
    initial: float32[d], the cluster's first model, where every anchor starts.
    weight_max: share of a merge that no end exceeds, however many samples it claims.
    """

    def __init__(
        self, codec: Codec, seed_codec: Codec, initial: Vector, weight_max: float = 1.0
    ) -> None:
        self._codec = codec
        self._seed_codec = seed_codec
        self._initial = initial
        self._residual = np.empty_like(initial)
        self._weight_max = weight_max

    def new_anchor(self) -> Vector:
        """A copy of the initial model, float32[d]."""
        return self._initial.copy()

    def offer(self, replica: Replica, anchor: Vector) -> Side:
        """The compressed residual, more of it on a cold link; its norm also feeds the guard.

        The gain goes by how often coordinates are corrected, on all links together.
        """
        payload, norm = self._codec.encode_difference(replica.parameters, anchor)
        is_cold = replica.guard.note(norm)
        # Whoever is not trusted could drag the anchor away, to make us send long messages.
        if is_cold and replica.caution is None:
            payload, _ = self._seed_codec.encode_difference(replica.parameters, anchor)
        return Side(replica.samples, replica.activity_code(), payload)

    def read(self, payload: bytes) -> Delta:
        """Raises RemoteProtocolError for anything but a delta of this model."""
        return self._codec.decode(payload)

    def mix(self, record: Applied, theirs: Delta, ours_first: bool) -> Mix:
        """Weights by samples, and the smaller of both ends' gains."""
        return Mix(*self._terms(record, theirs, ours_first))

    def _terms(
        self, record: Applied, theirs: Delta, ours_first: bool
    ) -> tuple[Delta, Delta, float, float, float, bool]:
        """What a `Mix` is made of."""
        said, heard = record.ours, record.theirs
        ours = self._codec.decode(said.payload)
        share, rest = weights(said.samples, heard.samples, ours_first, self._weight_max)
        gain = shared_activity(said.activity, heard.activity)
        return ours, theirs, share, rest, gain, ours_first

    def merge(
        self,
        replica: Replica,
        link: bytes,
        anchor: Vector,
        record: Applied,
        theirs: Delta,
        ours_first: bool,
    ) -> None:
        """At once, where nothing has to be looked at in between."""
        if replica.looks_closely:
            super().merge(replica, link, anchor, record, theirs, ours_first)
        else:
            replica.merge_whole(anchor, *self._terms(record, theirs, ours_first))

    def judge(self, replica: Replica, link: bytes, anchor: Vector, mix: Mix) -> None:
        """How far the neighbour's model is from x: R + theirs is the best guess at it."""
        if replica.caution is None:
            return
        theirs = mix.theirs
        norm = updates.difference(replica.parameters, anchor, self._residual)
        twice = 2.0 * self._residual[theirs.indices] - theirs.values
        squared = norm**2 - float(np.dot(theirs.values, twice))
        replica.caution.distances.note(link, math.sqrt(max(squared, 0.0)))

    def mix_replica(self, replica: Replica, link: bytes, mix: Mix) -> None:
        """D = w_theirs * (theirs - ours): summed over both ends with weights n it is zero."""
        replica.merge(link, mix.theirs, mix.ours, mix.their_weight, mix.activity)

    def mix_anchor(self, anchor: Vector, mix: Mix) -> None:
        """R += w_ours * ours + w_theirs * theirs, the lower id's part first."""
        first, weight, second, other = mix.ours, mix.our_weight, mix.theirs, mix.their_weight
        if not mix.ours_first:
            first, weight, second, other = second, other, first, weight
        scatter.add_two(
            anchor, first.indices, first.values, weight, second.indices, second.values, other
        )

    def meet(self, replica: Replica, anchor: Vector) -> None:
        """The average goes by anchors."""
        replica.meet(anchor)

    def seed(self, replica: Replica) -> bytes:
        """The largest fifth of x - initial."""
        return self._seed_codec.encode_difference(replica.parameters, self._initial)[0]

    def plant(self, anchor: Vector, payload: bytes) -> None:
        """R = initial + payload.  Raises RemoteProtocolError before it changes anything."""
        delta = self._seed_codec.decode(payload)
        anchor[:] = self._initial
        scatter.scatter_add(anchor, delta.indices, delta.values, 1.0)
