"""Where peers may be found, and when to try them again."""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from attrs import define

# (first wait, how many times longer each next one is)
BACKOFF: Final = (1.0, 2.0)
# The user's own that have not answered yet: often they are about to start, as we are.
BACKOFF_EXPECTED: Final = (0.25, 1.4)
BACKOFF_MAX_S: Final = 120.0
STEADY_S: Final = 10.0
# Most refuse because their links are in use, and that does not change soon.
REFUSED_S: Final = 20.0
UNTRUSTED_RETRY_S: Final = 600.0
GONE_AFTER: Final = 3

IsLinked = Callable[[str | None, tuple[str, ...]], bool]


@define
class _Entry:
    """One place where a peer may be.

    instance: None until it has said hello.  hearsay: others told us of it.
    failures: dials in a row that gave no link; unanswered: those since it last answered.
    busy: a dial is under way.  ours: it is ourselves.
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
    """At most `longest` entries, named by who noted them: mostly a peer's instance id."""

    def __init__(
        self,
        rng: np.random.Generator,
        longest: int,
        is_linked: IsLinked,
        wants: Callable[[str], bool],
        changed: Callable[[], None],
    ) -> None:
        """is_linked: whether there is a link to the peer with this instance, or at an address.

        wants: whether a link to the peer with this instance is wanted; who is not known is tried.
        changed: called when there may be something new to dial.
        """
        self._rng = rng
        self._longest = longest
        self._is_linked = is_linked
        self._wants = wants
        self._changed = changed
        self._entries: dict[str, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def note(
        self,
        name: str,
        addresses: tuple[str, ...],
        *,
        now_s: float,
        wait_s: float,
        fixed: bool = False,
        hearsay: bool = False,
    ) -> None:
        """Somebody told us of a peer.

        `fixed` entries, the user's own, are never forgotten; `hearsay` makes room for all others.
        """
        known = self._entries.get(name)
        if known is not None:
            # It moved or came back: what failed before says nothing.
            if known.addresses != addresses or (np.isinf(known.due_s) and not hearsay):
                known.addresses, known.due_s = addresses, now_s + wait_s
                known.failures = known.unanswered = 0
                self._changed()
            return
        if len(self._entries) >= self._longest and not self._forget_worst(hearsay_only=hearsay):
            return
        instance = None if fixed else name
        self._entries[name] = _Entry(instance, addresses, fixed, hearsay, now_s + wait_s)
        self._changed()

    def forget(self, name: str) -> None:
        """Nobody knows of the peer any more."""
        if name in self._entries and not self._entries[name].fixed:
            del self._entries[name]

    def note_goodbye(self, name: str) -> None:
        """The peer left: it is not dialled before it is sighted again."""
        entry = self._entries.get(name)
        if entry is not None and not entry.fixed:
            entry.due_s, entry.unanswered = np.inf, GONE_AFTER

    def is_lost(self, name: str) -> bool:
        """Nobody answered there when we last tried."""
        entry = self._entries.get(name)
        return entry is not None and entry.unanswered > 0 and not entry.busy

    def due(self, now_s: float, among: Iterable[str] | None = None) -> tuple[str, str] | None:
        """(name, address) of a peer to dial now, soonest due first, or None.

        among: names to look at; by default all.
        """
        found = self._soonest(now_s, among)
        if found is None:
            return None
        entry = self._entries[found]
        return found, entry.addresses[entry.turn % len(entry.addresses)]

    def due_s(self) -> float:
        """When the next entry is due; infinite when only a change can make one due."""
        found = self._soonest(np.inf)
        return np.inf if found is None else self._entries[found].due_s

    def _soonest(self, until_s: float, among: Iterable[str] | None = None) -> str | None:
        """The open entry that is due first, if one is by then; the lower name of two."""
        best, found = (until_s, ""), None
        names = self._entries if among is None else [n for n in among if n in self._entries]
        for name in names:
            entry = self._entries[name]
            if (entry.due_s <= until_s if found is None else (entry.due_s, name) < best) and (
                self._is_open(entry)
            ):
                best, found = (entry.due_s, name), name
        return found

    def _is_open(self, entry: _Entry) -> bool:
        """Somebody else whom we want, and neither have a link to nor dial already."""
        if entry.ours or entry.busy or self._is_linked(entry.instance, entry.addresses):
            return False
        instance = entry.instance or self._instance_at(entry.addresses)
        return instance is None or self._wants(instance)

    def _instance_at(self, addresses: tuple[str, ...]) -> str | None:
        """Who is there, as another entry knows."""
        found = (e.instance for e in self._entries.values() if e.addresses == addresses)
        return next((instance for instance in found if instance), None)

    def note_tried(self, name: str, now_s: float) -> None:
        """We are about to dial; later attempts wait longer and longer, with jitter."""
        entry = self._entries.get(name)
        if entry is None:
            return
        first_s, growth = BACKOFF if entry.instance else BACKOFF_EXPECTED
        backoff_s = min(BACKOFF_MAX_S, first_s * growth**entry.failures)
        entry.due_s = now_s + backoff_s * float(self._rng.uniform(0.75, 1.25))
        entry.failures = min(entry.failures + 1, 20)
        entry.unanswered += 1
        entry.turn += 1
        entry.busy = True

    def note_dialled(self, name: str) -> None:
        """The dial is over, whatever came of it."""
        if name in self._entries:
            self._entries[name].busy = False
        self._changed()

    def note_reached(self, name: str, instance: str) -> None:
        """The peer behind this entry answered and is who we hoped for."""
        entry = self._entries.get(name)
        if entry is not None:
            entry.instance = instance
            entry.unanswered = 0
            entry.turn -= 1

    def note_untrusted(self, name: str, now_s: float) -> None:
        """The peer failed authentication: only people can mend that, so do not press it."""
        if name in self._entries:
            self._entries[name].due_s = now_s + UNTRUSTED_RETRY_S

    def note_ourselves(self, name: str) -> None:
        """The address is our own."""
        if name in self._entries:
            self._entries[name].ours = True

    def is_gone(self, name: str) -> bool:
        """It said goodbye, or nobody answered there again and again."""
        entry = self._entries.get(name)
        return entry is not None and entry.unanswered >= GONE_AFTER

    def note_lost(self, instance: str, lived_s: float, now_s: float) -> None:
        """A link ended: its peer may be tried again at once, if it was a good one.

        Who refuses us, or breaks the rules each time, is left alone for longer and longer.
        """
        for entry in self._entries.values():
            if entry.instance == instance:
                if lived_s >= STEADY_S:
                    entry.failures = entry.unanswered = 0
                    entry.due_s = now_s + float(self._rng.uniform(0.2, 1.0))
                else:
                    refused_s = now_s + REFUSED_S * float(self._rng.uniform(0.75, 1.25))
                    entry.due_s = max(entry.due_s, refused_s)
        self._changed()

    def _forget_worst(self, *, hearsay_only: bool) -> bool:
        loose = [
            (entry.hearsay, entry.failures, name)
            for name, entry in self._entries.items()
            if not entry.fixed and (entry.hearsay or not hearsay_only)
        ]
        if loose:
            del self._entries[max(loose)[2]]
        return bool(loose)
