"""What both ends of a link hold in common, and the records that rebuild it after a crash."""

import struct
from hashlib import blake2b
from typing import Final

import numpy as np
from attrs import define
from numpy.typing import NDArray

from gossipfl.wire.messages import LINK_DIGEST_BYTES

FRESH: Final = bytes(LINK_DIGEST_BYTES)

_pack_head: Final = struct.Struct(">IBI").pack


# Nobody changes a record; freezing them would double the time that a message takes.
@define
class Side:
    """What one end put into an exchange."""

    samples: int
    activity: int
    payload: bytes


@define
class Offered:
    """Journal: we opened exchange `sequence`; a restarted node must resend these very bytes."""

    sequence: int
    ours: Side


@define
class Applied:
    """Journal: exchange `sequence` is part of our model and of the anchor."""

    sequence: int
    ours: Side
    theirs: Side


@define
class Planted:
    """Journal: the link was seeded anew with this payload."""

    payload: bytes


Record = Offered | Applied | Planted


@define
class LinkState:
    """One end's view of a link.  Both ends agree on all but `pending` and the order of `last`.

    anchor: float32[d] that both ends hold, or float32[0] for schemes that need none.
    sequence, digest: exchanges applied since the seed, and a running hash over them.
    before: the digest before the last exchange, to recognise a repeated request.
    base: digest of the seed that the link started from; FRESH for the initial model.
    pending: our half of the exchange that we opened and that is not answered yet.
    last: the halves of the newest exchange applied; ours answers repeated requests.
    seed: payload of the seed we sent, to repeat it until an exchange proves that it arrived.
    """

    anchor: NDArray[np.float32]
    sequence: int = 0
    digest: bytes = FRESH
    before: bytes = FRESH
    base: bytes = FRESH
    pending: Side | None = None
    last: Applied | None = None
    seed: bytes | None = None

    def note_offered(self, record: Offered) -> None:
        """We are about to send the request for this exchange."""
        self.pending = record.ours

    def note_applied(self, record: Applied, ours_first: bool) -> None:
        """The exchange has been applied to the anchor and the model."""
        ours, theirs, self.before = record.ours, record.theirs, self.digest
        first, second = (ours, theirs) if ours_first else (theirs, ours)
        self.digest = _extend(self.digest, first, second)
        self.sequence = record.sequence
        self.last = record
        self.pending = None
        self.seed = None

    def note_planted(self, payload: bytes) -> None:
        """The anchor has been set to the initial model plus `payload`."""
        self.base = self.digest = self.before = seed_digest(payload)
        self.sequence = 0
        self.pending = self.last = None


def seed_digest(payload: bytes) -> bytes:
    """The digest of a link that was just seeded with `payload`."""
    return blake2b(b"seed" + payload, digest_size=LINK_DIGEST_BYTES).digest()


def _extend(digest: bytes, first: Side, second: Side) -> bytes:
    said, answered = first.payload, second.payload
    head = _pack_head(first.samples, first.activity, len(said))
    other = _pack_head(second.samples, second.activity, len(answered))
    content = b"".join((digest, head, said, other, answered))
    return blake2b(content, digest_size=LINK_DIGEST_BYTES).digest()
