"""The link with the gateway: the anchor that both ends hold, and the count and running digest of
all that was exchanged.  The gateway's end comes first.
"""

import struct

from gossipfl_device import codec
from gossipfl_device.blake2b import blake2b
from gossipfl_device.messages import BATTERY_UNKNOWN, DIGEST_BYTES, HOLDS_NOTHING, Half, Orders
from gossipfl_device.numbers import Vector, fill, is_finite, zeros
from gossipfl_device.selection import select

TYPE_CHECKING = False  # of checkers alone, which take it for True: boards lack these modules
if TYPE_CHECKING:
    from collections.abc import Iterator


class Link:
    """Of one model.
    anchor: what the gateway has told of the mesh's model; local steps begin there.
    residual: what they came to that the gateway was not told yet.
    x: where the steps of this round have got to; without a link, as much of a seed as has come.
    seeded: the link stands.  pending: our half, until it is answered.
    orders: the newest; their model stays the same.
    """

    def __init__(self, orders: Orders, entries_max: int) -> None:
        size = orders.model.parameters
        self.orders = orders
        self.anchor, self.residual, self.x = zeros(size), zeros(size), zeros(size)
        self.seeded = False
        self.sequence = 0
        self.digest = HOLDS_NOTHING
        self.pending: Half | None = None
        self._stops = orders.model.stops
        self._entries_max = entries_max

    def forget(self) -> None:
        """The other end holds another anchor."""
        self.seeded = False
        self.sequence = 0
        self.digest = HOLDS_NOTHING
        self.pending = None

    def offer(self, samples: int, payload_max: int) -> Half | None:
        """Our half of the next exchange: the most of what was not told, x - anchor among it.

        None if x is not finite, or if a message has no room for it.
        """
        cell, residual = zeros(1), self.residual
        for i in range(len(residual)):
            cell[0] = self.x[i] - self.anchor[i]
            residual[i] += cell[0]
        found = select(residual, min(self.orders.keep, len(residual)))
        if found is None:
            return None
        payload = codec.encode(self._stops, self.orders.mark_bits, *found)
        if len(payload) > payload_max:
            return None
        _add(residual, codec.decode(self._stops, payload, self._entries_max), -1.0)
        return Half(self.sequence + 1, self.digest[:2], BATTERY_UNKNOWN, samples, payload)

    def apply(self, theirs: Half) -> None:
        """Move the anchor by their half.  Raises ValueError for one that does not answer ours."""
        ours = self.pending
        if ours is None or (theirs.sequence, theirs.digest) != (ours.sequence, ours.digest):
            raise ValueError("a half that answers nothing")
        _add(self.anchor, codec.decode(self._stops, theirs.payload, self._entries_max), 1.0)
        parts = (self.digest, _digested(theirs), theirs.payload, _digested(ours), ours.payload)
        self.digest = blake2b(DIGEST_BYTES, parts)
        self.sequence += 1
        self.pending = None

    def plant(self, digest: bytes) -> bool:
        """Start to count from the seed that has come, if it is the one of this digest."""
        if not is_finite(self.x) or blake2b(DIGEST_BYTES, _seed(self.x)) != digest:
            return False
        self.anchor[:] = self.x
        self.digest = digest
        self.sequence = 0
        self.seeded = True
        self.pending = None
        return True

    def begin(self) -> None:
        """A round of local steps starts from the anchor."""
        self.x[:] = self.anchor

    def forget_residual(self) -> None:
        """What was not told never will be."""
        fill(self.residual, 0.0)


def _add(target: Vector[float], delta: tuple[list[int], Vector[float]], weight: float) -> None:
    product = zeros(1)
    for i, value in zip(*delta):
        product[0] = weight * value
        target[i] += product[0]


def _digested(half: Half) -> bytes:
    # Between any two nodes, the byte tells of the control variate.  A device has none.
    return struct.pack(">IBI", half.samples, 0, len(half.payload))


def _seed(numbers: Vector[float]) -> Iterator[bytes]:
    yield b"seed"
    for place in range(0, len(numbers), 32):
        yield bytes(numbers[place : place + 32])
