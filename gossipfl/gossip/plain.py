"""Randomised pairwise averaging of whole models (Boyd et al. 2006): the uncompressed baseline."""

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.codec import Codec
from gossipfl.compression.delta import Delta
from gossipfl.gossip.link import Applied, Side
from gossipfl.gossip.mix import Mix
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import Scheme, weights

Vector = NDArray[np.float32]


class PlainGossip(Scheme):
    """Sends every parameter in every message; no anchor, no control variate."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def new_anchor(self) -> Vector:
        """Nothing is held in common: float32[0]."""
        return np.zeros(0, np.float32)

    def offer(self, replica: Replica, anchor: Vector) -> Side:
        """The whole model, and no control variate."""
        return Side(replica.samples, 0, self._codec.encode(replica.parameters))

    def read(self, payload: bytes) -> Delta:
        """Raises RemoteProtocolError for anything but a finite model of this size."""
        return self._codec.decode(payload)

    def mix(self, record: Applied, theirs: Delta, ours_first: bool) -> Mix:
        """Weights by samples."""
        ours = self._codec.decode(record.ours.payload)
        shares = weights(record.ours.samples, record.theirs.samples, ours_first)
        return Mix(ours, theirs, *shares, 0.0, ours_first)

    def judge(self, replica: Replica, link: bytes, anchor: Vector, mix: Mix) -> None:
        """Plain gossip is for those who are trusted."""

    def mix_replica(self, replica: Replica, link: bytes, mix: Mix) -> None:
        """x += w_theirs * (theirs - ours), where ours is what we sent."""
        replica.merge(link, mix.theirs, mix.ours, mix.their_weight, mix.activity)

    def mix_anchor(self, anchor: Vector, mix: Mix) -> None:
        """There is none."""

    def meet(self, replica: Replica, anchor: Vector) -> None:
        """There is none."""

    def seed(self, replica: Replica) -> bytes:
        """Nothing needs to be said; a payload may not be empty."""
        return b"\0"

    def plant(self, anchor: Vector, payload: bytes) -> None:
        """There is no anchor."""
