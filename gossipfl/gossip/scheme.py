"""What a gossip scheme decides: what goes into an exchange, and what comes out of it."""

from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.delta import Delta
from gossipfl.gossip.link import Applied, Side
from gossipfl.gossip.mix import Mix
from gossipfl.gossip.replica import Replica

Vector = NDArray[np.float32]


@lru_cache(maxsize=4096)
def weights(ours: int, theirs: int, ours_first: bool, most: float = 1.0) -> tuple[float, float]:
    """(ours, theirs): shares of the samples, the same two float32 numbers at both ends.

    most: neither is larger, nor smaller than what this leaves.
    """
    first, second = (ours, theirs) if ours_first else (theirs, ours)
    share = float(np.float32(min(max(first / (first + second), 1 - most), most)))
    rest = float(np.float32(1.0 - share))
    return (share, rest) if ours_first else (rest, share)


class Scheme(Protocol):
    """One way of gossiping.  Payloads are read by `read` before anything else sees them."""

    def new_anchor(self) -> Vector:
        """The anchor of a link that has not been used."""

    def offer(self, replica: Replica, anchor: Vector) -> Side:
        """Our half of one exchange."""

    def read(self, payload: bytes) -> Delta:
        """Raises RemoteProtocolError for a payload that is not a delta of this model."""

    def mix(self, record: Applied, theirs: Delta, ours_first: bool) -> Mix:
        """What an exchange comes to; theirs: what their payload was read as."""

    def merge(
        self,
        replica: Replica,
        link: bytes,
        anchor: Vector,
        record: Applied,
        theirs: Delta,
        ours_first: bool,
    ) -> None:
        """All that an exchange does; a restarted node does the two in the middle alone."""
        mix = self.mix(record, theirs, ours_first)
        self.judge(replica, link, anchor, mix)
        self.mix_replica(replica, link, mix)
        self.mix_anchor(anchor, mix)
        self.meet(replica, anchor)

    def judge(self, replica: Replica, link: bytes, anchor: Vector, mix: Mix) -> None:
        """Tell a cautious model what the exchange shows of this neighbour, before either moves."""

    def mix_replica(self, replica: Replica, link: bytes, mix: Mix) -> None:
        """Add our side of the merge on this link to the model and the control variate."""

    def mix_anchor(self, anchor: Vector, mix: Mix) -> None:
        """Move the anchor; both ends reach the same bits."""

    def meet(self, replica: Replica, anchor: Vector) -> None:
        """Tell the model where the anchor is now, if there is one."""

    def seed(self, replica: Replica) -> bytes:
        """A payload that says where we are, for a link whose ends disagree."""

    def plant(self, anchor: Vector, payload: bytes) -> None:
        """Set the anchor to the initial model plus the payload."""
