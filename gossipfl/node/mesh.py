"""Who we are linked to right now."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import trio
from attrs import Factory, define, field

from gossipfl.central.links import link_to
from gossipfl.errors import Unreachable
from gossipfl.membership.records import Id, id_of
from gossipfl.membership.views import Views
from gossipfl.security.certificates import Certificate
from gossipfl.transports.secure import SecureLink
from gossipfl.wire.fragments import Assembler, split
from gossipfl.wire.messages import Hello, Message, Wish

SEND_TIMEOUT_S: Final = 10.0
# Messages about members that wait for one neighbour; the rest is dropped, and shuffles mend it.
WAITING_MAX: Final = 32


@define(eq=False)
class Neighbour:
    """One live, authenticated link.

    heard_s, offered_s: trio time of the last frame from it, and of our open request to it, which
        was first sent on this link at opened_s.
    samples: what it weighed in the newest exchange on this link.
    id: its short name in messages about members.
    known_moments: digests of the statistics that we know it holds.
    waiting: messages about members that are on their way out.
    is_central: one of its ends is a seed, and the other one is not.
    answered: set when it has answered our newest request, and when it has gone.
    id: its short name in messages about members.
    exchange: what exchanges with it are called: those of one peer for gossip and for a seed differ.
    """

    link: SecureLink[Certificate]
    hello: Hello
    dialled: bool
    address: str
    heard_s: float
    offered_s: float | None = None
    opened_s: float | None = None
    exchanges: int = 0
    samples: int = 0
    known_moments: set[bytes] = Factory(set)
    waiting: int = 0
    is_central: bool = False
    answered: trio.Event = Factory(trio.Event)
    scope: trio.CancelScope = Factory(trio.CancelScope)
    ended: str | None = None
    assembler: Assembler = Factory(Assembler)
    id: Id = field(init=False)
    exchange: bytes = field(init=False)

    @id.default
    def _derive_id(self) -> Id:
        return id_of(self.key)

    @exchange.default
    def _derive_exchange(self) -> bytes:
        return link_to(self.key) if self.is_central else self.key

    @property
    def key(self) -> bytes:
        """Its public key, which is who it is."""
        return self.link.remote_static

    @property
    def name(self) -> str:
        """What the operator called it."""
        return self.link.identity.name

    def end(self, reason: str) -> None:
        """Close the link, from whatever task, for this reason."""
        self.ended = self.ended or reason
        self.scope.cancel()

    def put(self, message: Message) -> bool:
        """Hand over one message, fragments of others not between its own; whether all has left.

        When it has not, `drain` is to be awaited.  Raises Unreachable when the link is gone.
        """
        for frame in split(message):
            has_left = self.link.put(frame)  # the last one leaves after all others
        return has_left

    async def drain(self) -> None:
        """Raises Unreachable when the link is gone or the peer does not read what we send."""
        with trio.move_on_after(SEND_TIMEOUT_S):
            await self.link.drain()
            return
        raise Unreachable(f"{self.name} has read nothing for {SEND_TIMEOUT_S:g} s")

    async def send(self, message: Message) -> None:
        """Put one message, and wait until it has left.  Raises Unreachable as `drain` does."""
        if not self.put(message):
            await self.drain()

    async def receive(self) -> Message:
        """The next whole message."""
        while True:
            message = self.assembler.add(await self.link.receive())
            self.heard_s = trio.current_time()
            if message is not None:
                return message


class _Links:
    """At most one link a key, found by whatever a service knows of it.

    A seed has a thousand, and looks for one with every message, so only what changes them goes
    through all.
    """

    def __init__(self) -> None:
        self._by_key: dict[bytes, Neighbour] = {}
        self._by_id: dict[Id, Neighbour] = {}
        self._places: Counter[str] = Counter()
        self._ordered: dict[bool | None, list[Neighbour]] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def get(self, key: bytes) -> Neighbour | None:
        return self._by_key.get(key)

    def find(self, peer: Id) -> Neighbour | None:
        return self._by_id.get(peer)

    def is_at(self, place: str) -> bool:
        """Whether a link leads to this instance, or to this address."""
        return self._places[place] > 0

    def ordered(self, central: bool | None = None) -> list[Neighbour]:
        """By key, so that the order never depends on chance; `central`: only such ones."""
        if central not in self._ordered:
            found = (self._by_key[key] for key in sorted(self._by_key))
            self._ordered[central] = [e for e in found if central in (None, e.is_central)]
        return self._ordered[central].copy()

    def put(self, neighbour: Neighbour) -> None:
        """In the place of the link to the same peer, if there is one."""
        self.remove(neighbour.key)
        self._by_key[neighbour.key] = self._by_id[neighbour.id] = neighbour
        self._places.update((neighbour.hello.instance, neighbour.address))
        self._ordered = {}

    def remove(self, key: bytes) -> None:
        """Forget the link to the peer with this key, if there is one."""
        neighbour = self._by_key.pop(key, None)
        if neighbour is None:
            return
        del self._by_id[neighbour.id]
        for place in (neighbour.hello.instance, neighbour.address):
            self._places[place] -= 1
            if not self._places[place]:
                del self._places[place]
        self._ordered = {}


class Mesh:
    """The live links of one node: at most one to each peer.

    Those to seeds, or a seed's to its clients, are counted apart: they replace no neighbour.
    """

    def __init__(self, own_key: bytes, views: Views, stale_s: float, central_max: int) -> None:
        """A link that was silent for `stale_s` gives way to a new one of the same peer.

        central_max: links between a seed and a client to have at most.
        """
        self._central_max = central_max
        self._own_key = own_key
        self._stale_s = stale_s
        self._views = views
        self._live = _Links()
        self.changed = trio.Event()
        self.lost = trio.Event()

    def __iter__(self) -> Iterator[Neighbour]:
        """Live neighbours by key, so that the order never depends on chance."""
        return iter(self._live.ordered())

    def __len__(self) -> int:
        return len(self._live)

    @property
    def peers(self) -> list[Neighbour]:
        """Whom we gossip with."""
        return self._live.ordered(central=False)

    @property
    def living(self) -> list[Neighbour]:
        """Those of them that live, as far as we know."""
        return [each for each in self.peers if not self._views.is_suspect(each.id)]

    @property
    def central(self) -> list[Neighbour]:
        """Our seeds; or our clients, where we are one."""
        return self._live.ordered(central=True)

    @property
    def missing(self) -> int:
        """How many links to living peers we lack; negative when there are more than we want."""
        return self._views.view - self._views.good(self._ids())

    @property
    def is_urgent(self) -> bool:
        """We have hardly any link to a living peer."""
        return self._views.is_urgent(self._ids())

    @property
    def dials_max(self) -> int:
        """How many peers to dial at a time."""
        return self._views.dials_max(self._ids())

    def find(self, peer: Id) -> Neighbour | None:
        """The neighbour with this id."""
        return self._live.find(peer)

    def least_used(self) -> Neighbour | None:
        """The link that is missed least."""
        ids = self._ids()
        return self.find(self._views.least_used(ids)) if ids else None

    def _ids(self) -> list[Id]:
        return [neighbour.id for neighbour in self.peers]

    def is_live(self, instance: str | None, addresses: tuple[str, ...]) -> bool:
        """There is a link to the peer with this instance id, or at one of these addresses."""
        places = addresses if instance is None else (instance, *addresses)
        return any(map(self._live.is_at, places))

    def admit(self, fresh: Neighbour) -> str | None:
        """Take a link into use; or say, in one line, why not."""
        if fresh.key == self._own_key:
            return "this is our own key: another device has a copy of our state directory"
        known = self._live.get(fresh.key)
        if known is not None and not self._gives_way(known, fresh):
            return "we have a link already"
        if known is None and fresh.is_central:
            if len(self.central) >= self._central_max:
                return "all our links between seeds and clients are in use"
        elif known is None:
            urgent = not fresh.dialled and fresh.hello.wish == Wish.URGENT_LINK
            admission = self._views.admit(self._ids(), urgent=urgent)
            if not admission.accepted:
                return "all our links are in use"
            if admission.leaves is not None:
                self._end(admission.leaves)
        else:
            known.end("replaced by a newer link")
        self._live.put(fresh)
        self.announce_change()
        return None

    def drop(self, neighbour: Neighbour) -> None:
        """Forget a link that has ended."""
        if self._live.get(neighbour.key) is neighbour:
            self._live.remove(neighbour.key)
            neighbour.answered.set()
            self.announce_loss()

    def pick(
        self, rng: np.random.Generator, ready: Callable[[Neighbour], bool]
    ) -> Neighbour | None:
        """One of the neighbours that are ready for an exchange, all equally likely."""
        candidates = [neighbour for neighbour in self.peers if ready(neighbour)]
        return candidates[int(rng.integers(len(candidates)))] if candidates else None

    def _gives_way(self, known: Neighbour, fresh: Neighbour) -> bool:
        """When two peers dial each other at once, both keep what the lower key dialled."""
        if trio.current_time() - known.heard_s > self._stale_s:
            return True
        return fresh.dialled == (self._own_key < fresh.key)

    def _end(self, peer: Id) -> None:
        leaving = self.find(peer)
        if leaving is not None:
            leaving.end("made room for one that has hardly any other link")

    def announce_loss(self) -> None:
        """A neighbour has gone, or is a suspect: there may be something to dial, or to give up."""
        self.lost.set()
        self.lost = trio.Event()
        self.announce_change()

    def announce_change(self) -> None:
        """Wake whoever waits for something to dial."""
        self.changed.set()
        self.changed = trio.Event()
