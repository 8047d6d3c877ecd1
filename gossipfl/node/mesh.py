"""Who we are linked to right now, and where else peers may be found."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import trio
from attrs import Factory, define, field

from gossipfl.errors import Unreachable
from gossipfl.security.certificates import Certificate
from gossipfl.transports.secure import SecureLink
from gossipfl.wire.fragments import Assembler, split
from gossipfl.wire.messages import Hello, Message

SEND_TIMEOUT_S: Final = 10.0
BOOK_MAX: Final = 256
BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 120.0
STEADY_S: Final = 10.0
UNTRUSTED_RETRY_S: Final = 600.0
GONE_AFTER: Final = 3


@define(eq=False)
class Neighbour:
    """One live, authenticated link.

    heard_s, offered_s: trio time of the last frame from it, and of our open request to it, which
        was first sent on this link at opened_s.
    known_moments: digests of the statistics that we know it holds.
    has_hinted: it has told us of other peers.
    """

    link: SecureLink[Certificate]
    hello: Hello
    dialled: bool
    address: str
    heard_s: float
    offered_s: float | None = None
    opened_s: float | None = None
    exchanges: int = 0
    known_moments: set[bytes] = Factory(set)
    has_hinted: bool = False
    scope: trio.CancelScope = Factory(trio.CancelScope)
    ended: str | None = None
    assembler: Assembler = Factory(Assembler)
    _sending: trio.Lock = field(factory=trio.Lock, init=False)

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

    async def send(self, message: Message) -> None:
        """Send one message whole, fragments of others not between its own.

        Raises Unreachable when the link is gone or the peer does not read what we send.
        """
        with trio.move_on_after(SEND_TIMEOUT_S):
            async with self._sending:
                for frame in split(message):
                    await self.link.send(frame)
            return
        raise Unreachable(f"{self.name} has read nothing for {SEND_TIMEOUT_S:g} s")

    async def receive(self) -> Message:
        """The next whole message."""
        while True:
            message = self.assembler.add(await self.link.receive())
            self.heard_s = trio.current_time()
            if message is not None:
                return message


class Mesh:
    """The live links of one node: at most one to each peer, at most `view_max` in all."""

    def __init__(self, own_key: bytes, view: int, view_max: int, stale_s: float) -> None:
        """A link that was silent for `stale_s` gives way to a new one of the same peer."""
        self._own_key = own_key
        self._stale_s = stale_s
        self.view = view
        self._view_max = view_max
        self._live: dict[bytes, Neighbour] = {}
        self.changed = trio.Event()

    def __iter__(self) -> Iterator[Neighbour]:
        """Live neighbours by key, so that the order never depends on chance."""
        return iter([self._live[key] for key in sorted(self._live)])

    def __len__(self) -> int:
        return len(self._live)

    def is_live(self, instance: str | None, addresses: tuple[str, ...]) -> bool:
        """There is a link to the peer with this instance id, or at one of these addresses."""
        return any(
            neighbour.hello.instance == instance or neighbour.address in addresses
            for neighbour in self._live.values()
        )

    def admit(self, fresh: Neighbour) -> str | None:
        """Take a link into use; or say, in one line, why not."""
        if fresh.key == self._own_key:
            return "this is our own key: another device has a copy of our state directory"
        known = self._live.get(fresh.key)
        if known is not None and not self._gives_way(known, fresh):
            return "we have a link already"
        if known is None and len(self._live) >= self._view_max:
            return "all our links are in use"
        if known is not None:
            known.end("replaced by a newer link")
        self._live[fresh.key] = fresh
        self._announce_change()
        return None

    def drop(self, neighbour: Neighbour) -> None:
        """Forget a link that has ended."""
        if self._live.get(neighbour.key) is neighbour:
            del self._live[neighbour.key]
            self._announce_change()

    def pick(
        self, rng: np.random.Generator, ready: Callable[[Neighbour], bool]
    ) -> Neighbour | None:
        """One of the neighbours that are ready for an exchange, all equally likely."""
        candidates = [neighbour for neighbour in self if ready(neighbour)]
        return candidates[int(rng.integers(len(candidates)))] if candidates else None

    def _gives_way(self, known: Neighbour, fresh: Neighbour) -> bool:
        """When two peers dial each other at once, both keep what the lower key dialled."""
        if trio.current_time() - known.heard_s > self._stale_s:
            return True
        return fresh.dialled == (self._own_key < fresh.key)

    def _announce_change(self) -> None:
        self.changed.set()
        self.changed = trio.Event()


@define
class _Entry:
    """One place where a peer may be.

    instance: None until it has said hello.  hearsay: a neighbour told us of it.
    busy: a dial is under way.  ours: it is ourselves.
    failures: dials that gave no link for long.  unanswered: dials since it last said hello.
    """

    instance: str | None
    addresses: tuple[str, ...]
    fixed: bool
    hearsay: bool
    due_s: float
    failures: int = 0
    unanswered: int = 0
    turn: int = 0
    busy: bool = False
    ours: bool = False


class AddressBook:
    """Where peers may be found, and when to try them again."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._entries: dict[str, _Entry] = {}
        self.changed = trio.Event()

    def __len__(self) -> int:
        return len(self._entries)

    def note(
        self,
        name: str,
        addresses: tuple[str, ...],
        *,
        wait_s: float,
        fixed: bool = False,
        hearsay: bool = False,
    ) -> None:
        """Somebody told us of a peer.

        `fixed` entries, the user's own, are never forgotten; `hearsay` makes room for all others.
        """
        due_s = trio.current_time() + wait_s
        known = self._entries.get(name)
        if known is not None:
            if known.addresses != addresses:  # it moved: what failed before says nothing
                known.addresses, known.failures, known.due_s = addresses, 0, due_s
                known.unanswered = 0
                self.announce_change()
            return
        if len(self._entries) >= BOOK_MAX and not self._forget_worst(hearsay_only=hearsay):
            return
        instance = None if fixed or hearsay else name
        self._entries[name] = _Entry(instance, addresses, fixed, hearsay, due_s)
        self.announce_change()

    def forget(self, name: str) -> None:
        """The peer said goodbye."""
        if name in self._entries and not self._entries[name].fixed:
            del self._entries[name]

    def due(self, mesh: Mesh, wants: Callable[[str], bool]) -> tuple[str, str] | None:
        """(name, address) of a peer to dial now, soonest due first, or None.

        wants: whether a link to the peer with this id is wanted; who is not known yet is tried.
        """
        now_s = trio.current_time()
        names = sorted(self._entries, key=lambda name: (self._entries[name].due_s, name))
        for name in names:
            entry = self._entries[name]
            if entry.due_s <= now_s and self._is_open(entry, mesh, wants):
                return name, entry.addresses[entry.turn % len(entry.addresses)]
        return None

    def wait_s(self, mesh: Mesh, wants: Callable[[str], bool]) -> float:
        """Seconds until the next entry is due; infinite when only a change can make one due."""
        times = [e.due_s for e in self._entries.values() if self._is_open(e, mesh, wants)]
        return max(0.0, min(times, default=float("inf")) - trio.current_time())

    def _is_open(self, entry: _Entry, mesh: Mesh, wants: Callable[[str], bool]) -> bool:
        """Somebody else whom we want, and neither have a link to nor dial already."""
        if entry.ours or entry.busy or mesh.is_live(entry.instance, entry.addresses):
            return False
        instance = entry.instance or self._instance_at(entry.addresses)
        return instance is None or wants(instance)

    def _instance_at(self, addresses: tuple[str, ...]) -> str | None:
        """Who is there, as another entry knows."""
        found = (e.instance for e in self._entries.values() if e.addresses == addresses)
        return next((instance for instance in found if instance), None)

    def note_tried(self, name: str) -> None:
        """We are about to dial; later attempts wait longer and longer, with jitter."""
        entry = self._entries.get(name)
        if entry is None:
            return
        backoff_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0**entry.failures)
        entry.due_s = trio.current_time() + backoff_s * float(self._rng.uniform(0.75, 1.25))
        entry.failures = min(entry.failures + 1, 20)
        entry.unanswered += 1
        entry.turn += 1
        entry.busy = True

    def note_dialled(self, name: str) -> None:
        """The dial is over, whatever came of it."""
        if name in self._entries:
            self._entries[name].busy = False
        self.announce_change()

    def note_reached(self, name: str, instance: str) -> None:
        """The peer behind this entry answered and is who we hoped for."""
        entry = self._entries.get(name)
        if entry is not None:
            entry.instance = instance
            entry.unanswered = 0
            entry.turn -= 1

    def note_untrusted(self, name: str) -> None:
        """The peer failed authentication: only people can mend that, so do not press it."""
        if name in self._entries:
            self._entries[name].due_s = trio.current_time() + UNTRUSTED_RETRY_S

    def note_ourselves(self, name: str) -> None:
        """The address is our own."""
        if name in self._entries:
            self._entries[name].ours = True

    def live(self, mesh: Mesh) -> set[str]:
        """Ids of all that we take for live: heard of and not proved gone, or linked to us.

        Where two are at one place, the one that was heard of later: it was started anew.
        """
        at: dict[tuple[str, ...], str] = {}
        for entry in self._entries.values():
            if entry.instance and not entry.ours and entry.unanswered < GONE_AFTER:
                at[entry.addresses] = entry.instance
        return {*at.values(), *(neighbour.hello.instance for neighbour in mesh)}

    def note_lost(self, instance: str, lived_s: float) -> None:
        """A link ended: its peer may be tried again at once, if it was a good one.

        Who refuses us, or breaks the rules each time, is left alone for longer and longer.
        """
        for entry in self._entries.values():
            if entry.instance == instance and lived_s >= STEADY_S:
                entry.failures = 0
                entry.due_s = trio.current_time() + float(self._rng.uniform(0.2, 1.0))
        self.announce_change()

    def _forget_worst(self, *, hearsay_only: bool) -> bool:
        loose = [
            (entry.hearsay, entry.failures, name)
            for name, entry in self._entries.items()
            if not entry.fixed and (entry.hearsay or not hearsay_only)
        ]
        if loose:
            del self._entries[max(loose)[2]]
        return bool(loose)

    def announce_change(self) -> None:
        """Wake whoever waits for something to dial."""
        self.changed.set()
        self.changed = trio.Event()
