"""What is said of members: believed when it is news and signed by whom it must be."""

from collections.abc import Callable, Iterator
from typing import Final

from attrs import define, field

from gossipfl.errors import Untrusted
from gossipfl.membership.book import AddressBook
from gossipfl.membership.effects import Effect, Noted, Send
from gossipfl.membership.health import LocalHealth
from gossipfl.membership.herald import Herald
from gossipfl.membership.records import Id, Record, read_obituary
from gossipfl.membership.roll import Roll, Verdict
from gossipfl.wire.messages import AGE_MAX_S, Members

HEARSAY_WAIT_S: Final = 2.0


@define
class News:
    """What a message told us that we did not know: to be passed on, and to be done.

    ours: we have something new to say of ourselves.  refused: entries that prove false or stale.
    """

    known: list[tuple[Id, int]] = field(factory=list)
    obituaries: list[bytes] = field(factory=list)
    ours: bool = False
    refused: int = 0
    effects: list[Effect] = field(factory=list)


class Rumours:
    """Between the herald, which speaks for us, the roll of members, and the book of addresses."""

    def __init__(
        self,
        herald: Herald,
        roll: Roll,
        book: AddressBook | None,
        health: LocalHealth,
        dials: Callable[[Record], bool],
    ) -> None:
        """book: None when addresses that others tell are not to be dialled; dials: whose are."""
        self._herald = herald
        self._roll = roll
        self._book = book
        self._health = health
        self._dials = dials

    def hear(self, message: Members, now_s: float) -> News:
        """Take what a neighbour says."""
        news = News()
        for blob, age_s in message.records:
            try:
                self._hear_record(blob, age_s, now_s, news)
            except Untrusted:
                news.refused += 1
        for blob in message.obituaries:
            try:
                self._hear_obituary(blob, now_s, news)
            except Untrusted:
                news.refused += 1
        return news

    def accuse(self, dead: Id) -> bytes | None:
        """An obituary for a neighbour that we found dead; None when there is one already."""
        member = self._roll.get(dead)
        if member is None or member.obituary is not None:
            return None
        # Its address stays in the book: after a partition the dead rise again.
        member.obituary = self._herald.accuse(dead, member.record.presence.incarnation)
        return member.obituary

    def expire(self, now_s: float) -> None:
        """Forget whom nobody has heard of for long."""
        for record in self._roll.expire(now_s):
            self._forget_address(record)

    def _hear_record(self, blob: bytes, age_s: int, now_s: float, news: News) -> None:
        record = self._roll.open(blob)
        if record is None:
            return
        if record.id == self._herald.id:
            self._meet_ourselves(record, now_s, news)
            return
        known = self._roll.get(record.id)
        before = known.record if known else None
        # A full roll is a sample: who is new in it is no news to the cluster.
        floods = before is not None or not self._roll.is_full
        left = self._roll.take(record, age_s, now_s)
        if floods:
            news.known.append((record.id, record.presence.incarnation))
        self._move_addresses(record, [each for each in (before, left) if each], now_s)
        news.effects += self._remarks(record, before)

    def _remarks(self, record: Record, before: Record | None) -> Iterator[Noted]:
        if before is None:
            yield Noted("member.joined", record.id)
            if self._roll.namesakes(record.certificate.name) > 1:
                yield Noted("member.same_name", record.id)
        elif before.presence.addresses not in ((), record.presence.addresses):
            yield Noted("member.moved", record.id)

    def _meet_ourselves(self, record: Record, now_s: float, news: News) -> None:
        """What we said in an earlier life would hide what we say now."""
        if not self._herald.is_former(record):
            return
        if self._herald.outdo(record.presence.incarnation, now_s):
            news.ours = True
        else:  # an earlier life would have given up by now
            news.effects.append(Noted("member.copied", record.id))

    def _hear_obituary(self, blob: bytes, now_s: float, news: News) -> None:
        said = read_obituary(blob)
        if said.accused == self._herald.id:
            if said.incarnation >= self._herald.incarnation:
                self._health.note(1)
                news.ours |= self._herald.outdo(said.incarnation, now_s)
                news.effects.append(Noted("member.accused_us", said.accused, said.accuser))
            return
        match self._roll.bury(blob, said, now_s):
            case Verdict.BELIEVED:
                news.obituaries.append(blob)
                news.effects.append(Noted("member.died", said.accused, said.accuser))
            case Verdict.FALSE:  # others may believe it, and it alone can tell them
                news.effects.append(Send(said.accused, Members(obituaries=(blob,))))

    def _move_addresses(self, record: Record, before: list[Record], now_s: float) -> None:
        for each in before:
            if each.instance != record.instance:
                self._forget_address(each)
        said = record.presence
        if self._book is not None and said.addresses and self._dials(record):
            name = record.instance
            self._book.note(name, said.addresses, now_s=now_s, wait_s=HEARSAY_WAIT_S, hearsay=True)

    def _forget_address(self, record: Record) -> None:
        if self._book is not None:
            self._book.forget(record.instance)


def age_of(signed_s: float, now_s: float) -> int:
    """Whole seconds since a record was signed, as messages tell it."""
    return min(AGE_MAX_S, max(0, int(now_s - signed_s)))
