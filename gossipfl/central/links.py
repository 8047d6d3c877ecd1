"""The exchange between a seed and a client: anchored deltas, with all the weight at the seed.

It is gossip's own exchange.  The client offers u = C(x - R), which is what it has learnt since the
last one; the seed answers v = C(g - R), when its round is over; both hold R + v then, and the
client goes on from there with x + v - u: what u left out is still in x, and what v left out still
in g, so nothing is lost by compression (error feedback, arXiv:1901.09847, both ways).

Models that learnt apart are averaged instead, by samples, as between neighbours, so that the
weighted sum of all models stays as it was: when a client comes to be led, and when one that is not
led visits the seed, for which it is a neighbour.  An end that has learnt nothing yet weighs nothing
then: a newcomer starts from what the seed knows, and a new seed from what its first client knows.
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.codec import Codec
from gossipfl.compression.delta import Delta
from gossipfl.gossip.anchored import AnchoredGossip
from gossipfl.gossip.link import Applied, Side
from gossipfl.gossip.mix import Mix
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import Scheme, weights

Vector = NDArray[np.float32]

# Share of the parameters that an update holds.  It is trained for longer than a delta of gossip:
# FedAvg of the digits needs as many rounds with a fifth as with all of them.
UPDATE_RATIO: Final = 0.2
WHOLE: Final = 1.0
_MARK: Final = b"central"


def link_to(key: bytes) -> bytes:
    """What the central link with this peer is called among ours; one for gossip is its key."""
    return _MARK + key


def is_central(link: bytes) -> bool:
    """Whether a link of this name is one between a seed and a client."""
    return link.startswith(_MARK)


def peer_of(link: bytes) -> bytes:
    """The key of the peer, whatever the link is for."""
    return link.removeprefix(_MARK)


class Purpose(IntEnum):
    """What a client opens an exchange for; it goes where gossip has its gain.

    UPDATE: what I learnt since you last led me.  JOIN: lead me.  VISIT: I am led by nobody.
    """

    UPDATE = 0
    JOIN = 1
    VISIT = 2


class CentralLinks(AnchoredGossip):
    """One end's scheme.

    codec: for updates and for answers to them; a first message holds every entry.
    is_seed: whether this end is the seed.
    merges: whether clients may move the seed's model other than in rounds; not where they may lie.
    purpose: of the exchange that a client opens next.
    """

    def __init__(self, codec: Codec, initial: Vector, *, is_seed: bool, merges: bool) -> None:
        super().__init__(codec, codec, initial)
        self._is_seed = is_seed
        self.merges = merges
        self.purpose = Purpose.VISIT

    def offer(self, replica: Replica, anchor: Vector) -> Side:
        """What the other end lacks of our model, all of it on a link that is new; for a gain, a
        client's purpose.  No end learns its control variate here: a seed makes no steps.
        """
        ratio = WHOLE if np.array_equal(anchor, self._initial) else None
        payload, _ = self._codec.encode_difference(replica.parameters, anchor, ratio)
        return Side(replica.samples, 0 if self._is_seed else int(self.purpose), payload)

    def mix(self, record: Applied, theirs: Delta, ours_first: bool) -> Mix:
        """Weights by purpose."""
        ours = self.read(record.ours.payload)
        learnt = len(ours.indices) > 0, len(theirs.indices) > 0
        return Mix(ours, theirs, *self._shares(record, ours_first, *learnt), 0.0, ours_first)

    merge = Scheme.merge

    def judge(self, replica: Replica, link: bytes, anchor: Vector, mix: Mix) -> None:
        """Nobody is judged: see mix_replica."""

    def mix_replica(self, replica: Replica, link: bytes, mix: Mix) -> None:
        """Without caution: a node chooses its seeds by their certificate, and follows them."""
        weight = mix.their_weight
        if weight:
            replica.displace(mix.theirs, weight, mix.ours, -weight, 0.0)

    def meet(self, replica: Replica, anchor: Vector) -> None:
        """A client's next local steps start from what the seed has told."""
        if not self._is_seed:
            replica.adopt(anchor)

    def _shares(
        self, record: Applied, ours_first: bool, we_learnt: bool, they_learnt: bool
    ) -> tuple[float, float]:
        """(ours, theirs); on a new link a half without entries is of an end that learnt nothing."""
        purpose = record.theirs.activity if self._is_seed else record.ours.activity
        if self.merges and purpose != Purpose.UPDATE:
            if record.sequence > 1 or (we_learnt and they_learnt):
                return weights(record.ours.samples, record.theirs.samples, ours_first)
            if they_learnt if self._is_seed else we_learnt:
                return (0.0, 1.0) if self._is_seed else (1.0, 0.0)
        return (1.0, 0.0) if self._is_seed else (0.0, 1.0)
