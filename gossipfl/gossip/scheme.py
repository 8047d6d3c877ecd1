"""What a gossip scheme decides: what goes into an exchange, and what comes out of it."""

from typing import Protocol

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.gossip.link import Side
from gossipfl.gossip.replica import Replica

Vector = NDArray[np.float32]


@frozen
class Mix:
    """Both halves of one exchange, and whose is added first so that anchors agree to the bit."""

    ours: Side
    theirs: Side
    ours_first: bool

    def weights(self, most: float = 1.0) -> tuple[float, float]:
        """(ours, theirs): shares of the samples, the same two float32 numbers at both ends.

        most: neither is larger, nor smaller than what this leaves.
        """
        first, second = self.ours.samples, self.theirs.samples
        if not self.ours_first:
            first, second = second, first
        share = float(np.float32(min(max(first / (first + second), 1 - most), most)))
        rest = float(np.float32(1.0) - np.float32(share))
        return (share, rest) if self.ours_first else (rest, share)


class Scheme(Protocol):
    """One way of gossiping.  Payloads are checked by `check` before anything else sees them."""

    def new_anchor(self) -> Vector:
        """The anchor of a link that has not been used."""

    def offer(self, replica: Replica, anchor: Vector) -> bytes:
        """Our payload for one exchange."""

    def check(self, payload: bytes) -> None:
        """Raises RemoteProtocolError for a payload that is not a delta of this model."""

    def mix_replica(self, replica: Replica, link: bytes, mix: Mix) -> None:
        """Add our side of the merge on this link to the model and the control variate."""

    def mix_anchor(self, anchor: Vector, mix: Mix) -> None:
        """Move the anchor; both ends reach the same bits."""

    def seed(self, replica: Replica) -> bytes:
        """A payload that says where we are, for a link whose ends disagree."""

    def plant(self, anchor: Vector, payload: bytes) -> None:
        """Set the anchor to the initial model plus the payload."""
