"""Everybody whom we know of, and whether they live."""

from collections import Counter
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Final

import numpy as np
from attrs import define

from gossipfl.errors import Untrusted
from gossipfl.membership.ration import Ration
from gossipfl.membership.records import (
    LIFETIME_MAX_S,
    Id,
    Obituary,
    Record,
    is_by,
)
from gossipfl.membership.settings import Settings

# Of one member's news, and of one member's accusations, in a shuffle interval.
NEWS_MAX: Final = 8
ACCUSATIONS_MAX: Final = 16


class Verdict(Enum):
    """What we make of an obituary: we knew, we know better, or it is true for all we know."""

    NO_NEWS = auto()
    FALSE = auto()
    BELIEVED = auto()


@define
class Member:
    """One entry.

    signed_s: when its owner signed the record, by our clock, as far as we were told.
    obituary: the signed one that we believe; None of the living.
    """

    record: Record
    signed_s: float
    obituary: bytes | None = None

    @property
    def until_s(self) -> float:
        """When the record expires."""
        return self.signed_s + min(self.record.presence.lifetime_s, LIFETIME_MAX_S)


class Roll:
    """The newest record of at most `members_max` others; in greater clusters a random sample."""

    def __init__(
        self,
        settings: Settings,
        read: Callable[[bytes], Record],
        rng: np.random.Generator,
        is_linked: Callable[[Id], bool],
        is_lost: Callable[[str], bool],
    ) -> None:
        """read: a blob's record, verified, or Untrusted, as `open_record` does.

        is_linked: members whom we keep, and whose life we know; is_lost: instances dialled in vain.
        """
        self._settings = settings
        self._read = read
        self._rng = rng
        self._is_linked = is_linked
        self._is_lost = is_lost
        self._members: dict[Id, Member] = {}
        self._names: Counter[str] = Counter()
        self._seeds: set[Id] = set()
        self._news: dict[Id, Ration] = {}
        self._accusations: dict[Id, Ration] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    def get(self, member: Id) -> Member | None:
        """What we know of it."""
        return self._members.get(member)

    def namesakes(self, name: str) -> int:
        """How many have this name; the operator may have given it twice."""
        return self._names[name]

    @property
    def is_full(self) -> bool:
        """Whoever comes takes the place of one who lives, as far as we know."""
        excess = len(self._members) - self._settings.members_max
        return excess >= 0 and not any(map(self._is_gone, self))

    def _is_gone(self, member: Member) -> bool:
        return member.obituary is not None or self._is_lost(member.record.instance)

    def living(self) -> list[Id]:
        """Those who are not held to be dead."""
        return [member for member, entry in self._members.items() if entry.obituary is None]

    def seeds(self) -> list[Record]:
        """Of members that are seeds, dead or alive."""
        return [self._members[member].record for member in sorted(self._seeds)]

    def open(self, blob: bytes) -> Record | None:
        """The record in a blob; None when it is no news.  Raises Untrusted."""
        record = self._read(blob)
        known = self._members.get(record.id)
        if known is None or record.presence.incarnation > known.record.presence.incarnation:
            return record
        return None

    def take(self, record: Record, age_s: float, now_s: float) -> Record | None:
        """Enter a record that is news.  Returns the one whose place it took in a full roll.

        Raises Untrusted when it has expired, or when its owner has new things to say too often.
        """
        known, signed_s = self._members.get(record.id), now_s - age_s
        if signed_s + record.presence.lifetime_s <= now_s:
            raise Untrusted(f"a record of {record.certificate.name} that has expired")
        if known is not None and not self._may(self._news, record.id, NEWS_MAX, now_s):
            raise Untrusted(f"{record.certificate.name} has new things to say too often")
        full = len(self._members) >= self._settings.members_max
        left = self._make_room() if known is None and full else None
        self._names[record.certificate.name] += known is None
        self._members[record.id] = Member(record, signed_s)
        if record.certificate.is_seed:
            self._seeds.add(record.id)
        return left

    def bury(self, blob: bytes, said: Obituary, now_s: float) -> Verdict:
        """Judge an obituary, and believe it unless we hear the accused ourselves.

        Raises Untrusted when its author did not sign it.
        """
        accused, accuser = self._members.get(said.accused), self._members.get(said.accuser)
        if accused is None or accuser is None or accused.obituary is not None:
            return Verdict.NO_NEWS
        if said.incarnation < accused.record.presence.incarnation:
            return Verdict.NO_NEWS
        if not is_by(blob, accuser.record.certificate.public_key):
            raise Untrusted("an obituary that its author did not sign")
        if not self._may(self._accusations, said.accuser, ACCUSATIONS_MAX, now_s):
            return Verdict.NO_NEWS
        if self._is_linked(said.accused):
            return Verdict.FALSE
        accused.obituary = blob
        return Verdict.BELIEVED

    def note_alive(self, member: Id) -> bytes | None:
        """It has a link to us.  Returns the obituary that it should know of."""
        entry = self._members.get(member)
        if entry is None or entry.obituary is None:
            return None
        obituary, entry.obituary = entry.obituary, None
        return obituary

    def sample(self, count: int) -> list[Member]:
        """Some who live and can be reached, as far as we know, drawn at random."""
        found = [each for each in self if not self._is_gone(each)]
        if len(found) <= count:
            return found
        return [found[place] for place in self._rng.choice(len(found), count, replace=False)]

    def draw_dead(self) -> Record | None:
        """One of those who are held to be dead, to try whether it is back.

        Often nobody: so seldom that where all members draw, each of the dead is drawn once.
        """
        dead = [each for each in self if each.obituary is not None]
        others = 1 + len(self) - len(dead)
        if not dead or self._rng.uniform() * others >= len(dead):
            return None
        return dead[int(self._rng.integers(len(dead)))].record

    def expire(self, now_s: float) -> list[Record]:
        """Forget whom nobody has heard of for a record's lifetime; returns their records.

        Due once in a shuffle interval, when all rations are full again.
        """
        self._news.clear()
        self._accusations.clear()
        gone = [m for m, each in self._members.items() if each.until_s <= now_s]
        return [self._drop(member) for member in gone if not self._is_linked(member)]

    def _make_room(self) -> Record | None:
        """The dead go first and those whom we cannot reach, then anybody without a link to us."""
        loose = [each for m, each in self._members.items() if not self._is_linked(m)]
        chosen = [each for each in loose if self._is_gone(each)] or loose
        if not chosen:
            return None
        return self._drop(chosen[int(self._rng.integers(len(chosen)))].record.id)

    def _drop(self, member: Id) -> Record:
        record = self._members.pop(member).record
        self._names[record.certificate.name] -= 1
        self._seeds.discard(member)
        return record

    def _may(self, rations: dict[Id, Ration], member: Id, most: int, now_s: float) -> bool:
        """Whether what it says again counts."""
        fresh = Ration(most, self._settings.shuffle_interval_s, now_s)
        return rations.setdefault(member, fresh).take(1, now_s)
