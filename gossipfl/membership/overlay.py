"""One member's part in the overlay network: detector, rumours and shuffles, put together.

Of what is news to us all other neighbours are told at once, by id and incarnation, and who lacks
the record asks for it.  So news floods a cluster whose members know each other, and what is no news
goes no further.  Shuffles mend what got lost; where a roll is full they alone bring records.
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from attrs import define

from gossipfl.errors import RemoteProtocolError
from gossipfl.membership.book import AddressBook
from gossipfl.membership.detector import Detector
from gossipfl.membership.effects import Dead, Effect, End, Noted, Send
from gossipfl.membership.herald import Herald
from gossipfl.membership.ration import Ration
from gossipfl.membership.records import LIFETIME_S, Id, Record
from gossipfl.membership.roll import Roll
from gossipfl.membership.rumours import Rumours, age_of
from gossipfl.membership.settings import Settings
from gossipfl.wire.messages import (
    MEMBERS_MAX,
    RECORDS_MAX,
    Members,
    PingRequest,
    PingResult,
)

SHUFFLE_SAMPLE: Final = 16
# Members of a full roll that one message may replace, by others just as good.
RENEWED_MAX: Final = 4
# Records that one neighbour may ask for in a shuffle interval.
SERVED_MAX: Final = 512
REMEMBERED_MAX: Final = 64
# Who has more links than this tells news to some only; those tell others, and shuffles the rest.
HUB_LINKS: Final = 64
TOLD_MAX: Final = 16
# Records that we ask for ourselves, in the same time.
ASKED_MAX: Final = 4096
# What one neighbour may tell us that is not so, before its link is not worth having.
REFUSED_MAX: Final = 16

MembershipMessage = PingRequest | PingResult | Members


@define
class _Dealings:
    """With one neighbour: what it may still ask for, and what of its we refused."""

    served: Ration
    refused: int = 0


class Overlay:
    """Everything about members that a node has to decide; `tick` is due at `wake_s`."""

    def __init__(
        self,
        herald: Herald,
        settings: Settings,
        read: Callable[[bytes], Record],
        book: AddressBook | None,
        rng: np.random.Generator,
        now_s: float,
        dials: Callable[[Record], bool] = lambda record: True,
    ) -> None:
        """herald: speaks for us; read: a blob's verified record; book: gets addresses, if any.

        dials: whose addresses.
        """
        self.herald = herald
        self._settings = settings
        self._book = book
        self._rng = rng
        self._links: dict[Id, _Dealings] = {}
        self._asked: dict[tuple[Id, int], float] = {}
        is_lost = (lambda instance: False) if book is None else book.is_lost
        self.roll = Roll(settings, read, rng, self._links.__contains__, is_lost)
        self.detector = Detector(settings, rng, lambda: 1 + len(self.roll.living()), now_s)
        self._rumours = Rumours(herald, self.roll, book, self.detector.health, dials)
        herald.announce((), now_s)
        self._shuffle_s = now_s + settings.shuffle_interval_s * float(rng.uniform())

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do."""
        return min(self._shuffle_s, self.detector.wake_s)

    def announce(self, addresses: tuple[str, ...], now_s: float) -> list[Effect]:
        """We can be dialled there, from now on."""
        self.herald.announce(addresses, now_s)
        return self._spread(Members(((self.herald.id, self.herald.incarnation),)))

    def remember(self) -> tuple[bytes, ...]:
        """Records to keep over a restart: of neighbours first, then of some others."""
        near = [entry for peer in self._links if (entry := self.roll.get(peer)) is not None]
        others = [entry for entry in self.roll.sample(REMEMBERED_MAX) if entry not in near]
        return tuple(entry.record.signed for entry in [*near, *others][:REMEMBERED_MAX])

    def recall(self, records: tuple[bytes, ...], now_s: float) -> None:
        """What we kept; how long ago nobody knows, so it is believed for half a lifetime."""
        for start in range(0, len(records), RECORDS_MAX):
            part = records[start : start + RECORDS_MAX]
            self._rumours.hear(Members(records=tuple((r, LIFETIME_S // 2) for r in part)), now_s)

    def linked(self, peer: Id, instance: bytes, now_s: float) -> list[Effect]:
        """A link came into use: tell who we are, whom we know, and what is said of the peer.

        instance: what the peer calls this life of its.
        """
        ration = Ration(SERVED_MAX, self._settings.shuffle_interval_s, now_s)
        self._links[peer] = _Dealings(ration)
        self.detector.watch(peer, now_s)
        records = self._own(now_s)
        held = self.roll.get(peer)
        if held is not None and held.record.presence.instance != instance:
            records += self._held(peer, now_s)  # an earlier life, which it has to outdo
        obituary = self.roll.note_alive(peer)
        said = (obituary,) if obituary else ()
        revived = [Noted("member.revived", peer)] if obituary else []
        known = self._sample(SHUFFLE_SAMPLE if self._is_hub else MEMBERS_MAX)
        return [*revived, Send(peer, Members(known, records=records, obituaries=said))]

    def unlinked(self, peer: Id) -> None:
        """The link has ended."""
        self._links.pop(peer, None)
        self.detector.unwatch(peer)

    def heard(self, peer: Id, now_s: float) -> list[Effect]:
        """Any frame came from a neighbour."""
        return self.detector.heard(peer, now_s)

    def visited(self, peer: Id, answered: bool) -> list[Effect]:
        """How a Visit went."""
        return self.detector.visited(peer, answered)

    def receive(self, peer: Id, message: MembershipMessage, now_s: float) -> list[Effect]:
        """One message.  Raises RemoteProtocolError after too much that is not so."""
        if peer not in self._links:  # it has just ended
            return []
        match message:
            case PingRequest():
                return self.detector.asked(peer, message, now_s)
            case PingResult():
                return self.detector.answered(peer, message)
            case Members():
                return [*self._hear(peer, message, now_s), *self._answer(peer, message, now_s)]

    def tick(self, now_s: float) -> list[Effect]:
        """Do what is due."""
        effects: list[Effect] = []
        for effect in self.detector.tick(now_s):
            effects += self._bury(effect.whom) if isinstance(effect, Dead) else [effect]
        if now_s >= self._shuffle_s:
            interval_s = self._settings.shuffle_interval_s
            self._shuffle_s = now_s + interval_s * float(self._rng.uniform(0.9, 1.1))
            effects += self._shuffle(now_s)
        return effects

    def _bury(self, dead: Id) -> Iterator[Effect]:
        """A neighbour was not heard in all its time."""
        yield End(dead, "silent for too long, and others cannot reach it either")
        obituary = self._rumours.accuse(dead)
        if obituary is not None:
            yield Noted("member.died", dead, self.herald.id)
            yield from self._spread(Members(obituaries=(obituary,)), but=dead)

    def _shuffle(self, now_s: float) -> Iterator[Effect]:
        self._rumours.expire(now_s)
        self._asked.clear()
        self.herald.renew(now_s)
        if self._links:
            peers = list(self._links)
            partner = peers[int(self._rng.integers(len(peers)))]
            yield Send(partner, Members(self._sample(SHUFFLE_SAMPLE), asks=True))

    def _sample(self, count: int) -> tuple[tuple[Id, int], ...]:
        """Ids and incarnations: our own, and some of those whom we believe reachable."""
        found = self.roll.sample(count - 1)
        others = ((each.record.id, each.record.presence.incarnation) for each in found)
        return ((self.herald.id, self.herald.incarnation), *others)

    def _own(self, now_s: float) -> tuple[tuple[bytes, int], ...]:
        return ((self.herald.record, age_of(self.herald.signed_s, now_s)),)

    def _hear(self, peer: Id, message: Members, now_s: float) -> list[Effect]:
        """Believe what is news, and pass it on."""
        news = self._rumours.hear(message, now_s)
        self._links[peer].refused += news.refused
        if self._links[peer].refused > REFUSED_MAX:
            raise RemoteProtocolError("told of members again and again what is not so")
        ours = [(self.herald.id, self.herald.incarnation)] if news.ours else []
        known, obituaries = tuple(ours + news.known), tuple(news.obituaries)
        effects = self._spread(Members(known, obituaries=obituaries), but=peer)
        if news.ours:
            effects.append(Send(peer, Members(records=self._own(now_s))))
        return [*news.effects, *effects]

    def _spread(self, message: Members, but: Id | None = None) -> list[Effect]:
        if message == Members():
            return []
        told = [peer for peer in self._links if peer != but]
        if self._is_hub:
            places = self._rng.choice(len(told), TOLD_MAX, replace=False)
            told = [told[place] for place in places]
        return [Send(peer, message) for peer in told]

    @property
    def _is_hub(self) -> bool:
        """So many links that telling all of all would cost the square of them, as in a seed."""
        return len(self._links) > HUB_LINKS

    def _answer(self, peer: Id, message: Members, now_s: float) -> Iterator[Effect]:
        """What the neighbour lacks, and what we lack ourselves."""
        held = {member: self._incarnation(member) for member, _ in message.known}
        newer = [news for news in message.known if news[1] > held[news[0]]]
        most = RENEWED_MAX if newer and self.roll.is_full else MEMBERS_MAX
        wanted = tuple(news[0] for news in newer[:most] if self._may_ask(news, now_s))
        older = [member for member, incarnation in message.known if incarnation < held[member]]
        known = self._sample(SHUFFLE_SAMPLE) if message.asks else ()
        if known or wanted:
            yield Send(peer, Members(known, wanted=wanted))
        yield from self._serve(peer, [*older, *message.wanted], now_s)

    def _may_ask(self, news: tuple[Id, int], now_s: float) -> bool:
        """Many tell of the same news at once; one of them is asked for it."""
        again_s = self._asked.get(news, -np.inf) + self._settings.probe_timeout_s
        if now_s < again_s or len(self._asked) >= ASKED_MAX:
            return False
        self._asked[news] = now_s
        return True

    def _incarnation(self, member: Id) -> int:
        if member == self.herald.id:
            return self.herald.incarnation
        entry = self.roll.get(member)
        return -1 if entry is None else entry.record.presence.incarnation

    def _serve(self, peer: Id, members: list[Id], now_s: float) -> Iterator[Effect]:
        if not self._links[peer].served.take(len(members), now_s):
            return
        found = [blob for member in members for blob in self._held(member, now_s)]
        for start in range(0, len(found), RECORDS_MAX):
            yield Send(peer, Members(records=tuple(found[start : start + RECORDS_MAX])))

    def _held(self, member: Id, now_s: float) -> tuple[tuple[bytes, int], ...]:
        if member == self.herald.id:
            return self._own(now_s)
        entry = self.roll.get(member)
        return ((entry.record.signed, age_of(entry.signed_s, now_s)),) if entry else ()
