"""The link with the gateway: the anchor that both ends hold, and the count and running digest of
all that moved it.  The gateway's end comes first.
"""

import struct

from gossipfl_device import codec
from gossipfl_device.blake2b import blake2b
from gossipfl_device.messages import BATTERY_UNKNOWN, DIGEST_BYTES, HOLDS_NOTHING, Half, Orders
from gossipfl_device.numbers import Vector, fill, is_finite, zeros
from gossipfl_device.scales import gain
from gossipfl_device.selection import select

TYPE_CHECKING = False  # of checkers alone, which take it for True: boards lack these modules
if TYPE_CHECKING:
    from collections.abc import Iterator


class Link:
    """Of one model.  x: the device's own parameters.  control: its control variate.
    seeded: anchor and digest mean something.  pending: our half, until it is answered.
    orders: the newest; their model stays the same.
    """

    def __init__(self, orders: Orders, entries_max: int) -> None:
        size = orders.model.parameters
        self.orders = orders
        self.anchor, self.x, self.control = zeros(size), zeros(size), zeros(size)
        self.seeded = False
        self.sequence = 0
        self.digest = HOLDS_NOTHING
        self.pending: Half | None = None
        self._stops = orders.model.stops
        self._entries_max = entries_max

    def forget(self) -> None:
        """The anchor means nothing any more."""
        self.seeded = False
        self.sequence = 0
        self.digest = HOLDS_NOTHING
        self.pending = None

    def offer(self, samples: int, payload_max: int) -> Half | None:
        """Our half of the next exchange: the most of what x has moved away from the anchor.

        None if x is not finite, or if a message has no room for it.
        """
        found = select(self.x, self.anchor, min(self.orders.keep, len(self.x)))
        if found is None:
            return None
        payload = codec.encode(self._stops, self.orders.mark_bits, *found)
        if len(payload) > payload_max:
            return None
        return Half(self.sequence + 1, self.digest[:2], 0, BATTERY_UNKNOWN, samples, payload)

    def apply(self, theirs: Half) -> None:
        """Take both halves in.  Raises ValueError for one that does not answer ours."""
        ours = self.pending
        if ours is None or (theirs.sequence, theirs.digest) != (ours.sequence, ours.digest):
            raise ValueError("a half that answers nothing")
        first = codec.decode(self._stops, theirs.payload, self._entries_max)
        second = codec.decode(self._stops, ours.payload, self._entries_max)
        _add(self.x, first, 1.0)
        _add(self.control, first, gain(theirs.activity))
        _add(self.anchor, first, 1.0)
        _add(self.anchor, second, 1.0)
        parts = (self.digest, _digested(theirs), theirs.payload, _digested(ours), ours.payload)
        self.digest = blake2b(DIGEST_BYTES, parts)
        self.sequence += 1
        self.pending = None

    def plant(self, digest: bytes) -> bool:
        """Start to count from the anchor, if it is the one of this digest."""
        if not is_finite(self.anchor) or blake2b(DIGEST_BYTES, _seed(self.anchor)) != digest:
            return False
        self.digest = digest
        self.sequence = 0
        self.seeded = True
        self.pending = None
        return True

    def restart(self) -> None:
        """The model is what both ends hold."""
        self.x[:] = self.anchor
        fill(self.control, 0.0)


def _add(target: Vector[float], delta: tuple[list[int], Vector[float]], weight: float) -> None:
    product = zeros(1)
    for i, value in zip(*delta):
        product[0] = weight * value
        target[i] += product[0]


def _digested(half: Half) -> bytes:
    return struct.pack(">IBI", half.samples, half.activity, len(half.payload))


def _seed(anchor: Vector[float]) -> Iterator[bytes]:
    yield b"seed"
    for place in range(0, len(anchor), 32):
        yield bytes(anchor[place : place + 32])
