"""What a device must not lose, and every change of it.

A change is one record: made, and stored before anybody is told; made again, from the journal, after
a reset.  What was not told yet is in checkpoints only.
"""

import struct

from gossipfl_device.keys import Identity, decode_identity
from gossipfl_device.link import Link
from gossipfl_device.messages import CHUNK_HEAD_BYTES, Orders, read_half
from gossipfl_device.numbers import Vector, numbers
from gossipfl_device.room import Room
from gossipfl_device.store import Store, StoreError

TYPE_CHECKING = False  # of checkers alone, which take it for True: boards lack these modules
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

IDENTITY = 1  # id, epoch, key
COUNTER = 2  # below which counters may be used
ORDERS = 3  # as the message
LINK = 4  # in checkpoints: all of it but the vectors
ANCHOR = 5  # in checkpoints, piece by piece: the first's place, then numbers
RESIDUAL = 6
SEED = 7  # in checkpoints: what has come of it
OFFERED = 8  # our half, as the message
APPLIED = 9  # the gateway's half, as the message
CHUNK = 10  # part of the seed, as the message

_COUNTERS_AHEAD = 64
_PIECE = 64
_PLACE_BYTES = 4
_COUNTER_MAX = 0xFFFFFFFF
_LINK = "<BBI8sI"


class State:
    """enrolled: there is an identity.  ordered: there is a link.
    learning: anchor and residual mean something.  fetched: bytes of the seed that have come.
    exchanges: made since the last checkpoint that a reset went back to.
    """

    identity: Identity
    link: Link

    def __init__(self, store: Store, room: Room) -> None:
        self.enrolled = False
        self.ordered = False
        self.learning = False
        self.fetched = 0
        self.exchanges = 0
        self._room = room
        self._store = store
        self._orders_bytes = b""
        self._reserved = 0
        for kind, content in store.records():
            try:
                self._make(kind, content)
                if kind == OFFERED:
                    # It told of training that a reset has lost; what is left of that no one knows.
                    self.link.forget_residual()
            except ValueError:
                pass  # of firmware with more room, say: nor does what follows it suit this one
        self._counter = self._reserved

    def change(self, kind: int, content: bytes) -> None:
        """Make a change and store it.

        Raises ValueError for one that does not suit the state, which stays as it is; StoreError.
        """
        self._make(kind, content)
        if not self._store.append(kind, content):
            self.checkpoint()

    def checkpoint(self) -> None:
        """Store everything, what was not told yet too.  Raises StoreError."""
        self._store.checkpoint(self._all())

    def take_counter(self) -> int:
        """The number of the next frame, which no other will ever bear.  Raises StoreError."""
        if self._counter == _COUNTER_MAX:
            raise StoreError("all counters are used: enrol the board as another device")
        if self._counter >= self._reserved:
            ahead = min(self._counter + _COUNTERS_AHEAD, _COUNTER_MAX)
            self.change(COUNTER, struct.pack("<I", ahead))
        self._counter += 1
        return self._counter - 1

    @property
    def lacks_seed(self) -> bool:
        """Whether the anchor must be fetched before anything else."""
        return self.ordered and not self.link.seeded and self.link.orders.seed_bytes > 0

    def is_news(self, orders: bytes) -> bool:
        """Whether these are other orders than the ones in force."""
        return orders != self._orders_bytes

    def _make(self, kind: int, content: bytes) -> None:
        if kind == IDENTITY:
            self.identity = decode_identity(content)
            self.enrolled = True
        elif kind == COUNTER:
            (self._reserved,) = _unpack("<I", content)
        elif kind == ORDERS:
            self._take_orders(content)
        elif not self.ordered:
            raise ValueError("a change of a link that is none")
        elif kind == LINK:
            self._take_link(self.link, content)
        elif kind in (ANCHOR, RESIDUAL, SEED):
            self._take_vector(self.link, kind, content)
        elif kind == OFFERED:
            self._take_offered(self.link, content)
        elif kind == APPLIED:
            self.link.apply(read_half(content))
            self.exchanges += 1
        elif kind == CHUNK:
            self._take_chunk(self.link, content)

    def _take_orders(self, content: bytes) -> None:
        orders = Orders(content, self._room)
        if not self.ordered or orders.model.widths != self.link.orders.model.widths:
            if self.ordered:
                del self.link  # its memory is free for the new one
            self.link = Link(orders, self._room.entries)
            self.ordered, self.learning, self.fetched = True, False, 0
        elif orders.seed_bytes and (self.link.seeded or orders.seed != self.link.orders.seed):
            self.link.forget()
            self.fetched = 0
        self.link.orders = orders
        self._orders_bytes = content

    def _take_link(self, link: Link, content: bytes) -> None:
        seeded, learning, link.sequence, link.digest, self.fetched = _unpack(_LINK, content)
        link.seeded, self.learning = bool(seeded), bool(learning)

    def _take_vector(self, link: Link, kind: int, content: bytes) -> None:
        vector = {ANCHOR: link.anchor, RESIDUAL: link.residual, SEED: link.x}[kind]
        piece = numbers(content[_PLACE_BYTES:])
        (start,) = struct.unpack_from("<I", content, 0)
        if start + len(piece) > len(vector):
            raise ValueError("a vector of another model")
        vector[start : start + len(piece)] = piece

    def _take_offered(self, link: Link, content: bytes) -> None:
        half = read_half(content)
        if not link.seeded or half.sequence != link.sequence + 1:
            raise ValueError("half of another exchange")
        link.pending = half

    def _take_chunk(self, link: Link, content: bytes) -> None:
        if len(content) < CHUNK_HEAD_BYTES:
            raise ValueError("a chunk without an offset")
        (offset,) = struct.unpack_from("<I", content, 1)
        length = len(content) - CHUNK_HEAD_BYTES
        left = link.orders.seed_bytes - self.fetched
        if not self.lacks_seed or offset != self.fetched or length % 4 or not 0 < length <= left:
            raise ValueError("a chunk of another seed, or place")
        start = offset // 4
        link.x[start : start + length // 4] = numbers(content[CHUNK_HEAD_BYTES:])
        self.fetched += length
        if length == left:
            self._plant(link)

    def _plant(self, link: Link) -> None:
        """The whole seed has come: the anchor starts here."""
        if not link.plant(link.orders.seed):
            self.fetched = 0
            return
        if not self.learning:
            link.forget_residual()
        self.learning = True

    def _all(self) -> Iterator[tuple[int, bytes]]:
        if self.enrolled:
            yield IDENTITY, self.identity.encode()
        yield COUNTER, struct.pack("<I", self._reserved)
        if not self.ordered:
            return
        link = self.link
        yield ORDERS, self._orders_bytes
        held = (link.seeded, self.learning, link.sequence, link.digest, self.fetched)
        yield LINK, struct.pack(_LINK, *held)
        if link.pending is not None:
            yield OFFERED, link.pending.encode()
        if self.learning:
            yield from _pieces(ANCHOR, link.anchor)
            yield from _pieces(RESIDUAL, link.residual)
        if self.lacks_seed:
            yield from _pieces(SEED, link.x)


def _pieces(kind: int, vector: Vector[float]) -> Iterator[tuple[int, bytes]]:
    """So short that a board has room for them whatever else there is."""
    for start in range(0, len(vector), _PIECE):
        yield kind, struct.pack("<I", start) + bytes(vector[start : start + _PIECE])


def _unpack(layout: str, content: bytes) -> tuple[Any, ...]:
    if len(content) != struct.calcsize(layout):
        raise ValueError("a record of another length")
    return struct.unpack(layout, content)
