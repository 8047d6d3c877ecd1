"""The exchange between a seed and a client: anchored deltas, with all the weight at the seed.

It is gossip's own exchange.  The client offers u = C(x - R), which is what it has learnt since the
last one; the seed answers v = C(g - R), when its round is over; both hold R + v then, and the
client goes on from there with x + v - u: what u left out is still in x, and what v left out still
in g, so nothing is lost by compression (error feedback, arXiv:1901.09847, both ways).

The first exchange of a link is a merge by samples, as between neighbours: what was learnt apart is
averaged, and the weighted sum of all models is as before.  An end that has learnt nothing yet
weighs nothing then, so a newcomer starts from what the seed knows, and a new seed from what its
first client knows.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.codec import Codec
from gossipfl.gossip.anchored import AnchoredGossip
from gossipfl.gossip.link import Applied
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import Mix, weights
from gossipfl.kernels.engine import updates

Vector = NDArray[np.float32]

# Share of the parameters that an update holds.  It is trained for longer than a delta of gossip,
# and robust rules compare updates entry by entry.
UPDATE_RATIO: Final = 0.2
WHOLE: Final = 1.0
_LINK: Final = b"central"


def link_to(key: bytes) -> bytes:
    """What the link with this peer is called among ours; one for gossip is called as the key."""
    return _LINK + key


def is_central(link: bytes) -> bool:
    """Whether a link of this name is one between a seed and a client."""
    return link.startswith(_LINK)


class CentralLinks(AnchoredGossip):
    """One end's scheme.

    codec: for updates and for answers to them; a first message holds every entry.
    is_seed: whether this end is the seed.
    merges: whether a first exchange may move the seed's model; not where clients may lie.
    """

    def __init__(self, codec: Codec, initial: Vector, *, is_seed: bool, merges: bool) -> None:
        super().__init__(codec, codec, initial)
        self._is_seed = is_seed
        self._merges = merges

    def offer(self, replica: Replica, anchor: Vector) -> bytes:
        """What the other end lacks of our model; all of it on a link that is new."""
        updates.difference(replica.parameters, anchor, self._residual)
        is_new = np.array_equal(anchor, self._initial)
        return self._codec.encode(self._residual, WHOLE if is_new else None)

    def mix(self, record: Applied, ours_first: bool) -> Mix:
        """No gain for control variates: a seed makes no steps."""
        ours, theirs = self.read(record.ours.payload), self.read(record.theirs.payload)
        shares = self._shares(record, ours_first, len(ours.indices), len(theirs.indices))
        return Mix(ours, theirs, *shares, 0.0, ours_first)

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
        self, record: Applied, ours_first: bool, learnt: int, learnt_there: int
    ) -> tuple[float, float]:
        """(ours, theirs); `learnt` are the entries in which an end differs from the anchor."""
        if record.sequence == 1 and self._merges and learnt and learnt_there:
            return weights(record.ours.samples, record.theirs.samples, ours_first)
        client_knows = learnt_there if self._is_seed else learnt
        seed_knows = learnt if self._is_seed else learnt_there
        if record.sequence == 1 and self._merges and client_knows and not seed_knows:
            return (0.0, 1.0) if self._is_seed else (1.0, 0.0)
        return (1.0, 0.0) if self._is_seed else (0.0, 1.0)
