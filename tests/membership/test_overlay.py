"""Members who tell each other of members: joins, deaths, refutation, moves, lies."""

from collections import Counter, deque

import attrs
import pytest

from gossipfl.errors import RemoteProtocolError
from gossipfl.membership.effects import Effect, Noted, Send
from gossipfl.membership.herald import ANSWERS_MAX, Herald
from gossipfl.membership.overlay import HUB_LINKS, REFUSED_MAX, SHUFFLE_SAMPLE, TOLD_MAX
from gossipfl.membership.records import LIFETIME_S, Obituary, sign_obituary
from gossipfl.membership.roll import ACCUSATIONS_MAX, NEWS_MAX
from gossipfl.membership.settings import Settings
from gossipfl.wire.messages import Members, Ping, PingRequest, decode, encode
from tests.membership.member import Resident, Town


class Square:
    """Members between whom messages arrive at once, through the wire format."""

    def __init__(self, count: int, settings: Settings = Settings()) -> None:  # noqa: B008
        self.town = Town()
        self.all = [self.town.admit(f"m{i}", settings) for i in range(count)]
        self.links: set[tuple[bytes, bytes]] = set()
        self.noted: list[tuple[str, Noted]] = []
        self.messages = 0

    def link(self, one: Resident, other: Resident, now_s: float = 0.0) -> None:
        self.links |= {(one.id, other.id), (other.id, one.id)}
        first = one.overlay.linked(other.id, other.herald.instance, now_s)
        second = other.overlay.linked(one.id, one.herald.instance, now_s)
        self.settle([(one, first), (other, second)], now_s)

    def settle(self, work: list[tuple[Resident, list[Effect]]], now_s: float) -> None:
        by_id = {each.id: each for each in self.all}
        queue = deque(work)
        while queue:
            actor, effects = queue.popleft()
            for effect in effects:
                if isinstance(effect, Noted):
                    self.noted.append((actor.name, effect))
                if isinstance(effect, Send) and (actor.id, effect.to) in self.links:
                    self.messages += 1
                    assert self.messages < 20_000, "a flood without end"
                    message = decode(encode(effect.message))
                    assert isinstance(message, Members)
                    target = by_id[effect.to]
                    queue.append((target, target.overlay.receive(actor.id, message, now_s)))

    def events(self, event: str) -> list[str]:
        return [name for name, noted in self.noted if noted.event == event]

    def ring(self) -> None:
        for one, other in zip(self.all, [*self.all[1:], self.all[0]], strict=True):
            self.link(one, other)

    def shuffle(self, seconds: float, now_s: float = 0.0) -> None:
        """Everybody's shuffles, a second at a time."""
        for second in range(int(seconds)):
            for each in self.all:
                effects = each.overlay.tick(now_s + second)
                told = [e for e in effects if not (isinstance(e, Send) and is_ping(e))]
                self.settle([(each, told)], now_s + second)


def is_ping(effect: Send) -> bool:
    return isinstance(effect.message, Ping | PingRequest)


QUIET = Settings(probe_interval_s=1e6, probe_timeout_s=1.0)


def living(one: Resident) -> set[bytes]:
    return set(one.overlay.roll.living())


def test_who_knows_one_learns_of_all() -> None:
    square = Square(12)
    for before, newcomer in zip(square.all, square.all[1:], strict=False):
        square.link(before, newcomer)
    everybody = {each.id for each in square.all}
    for each in square.all:
        assert living(each) == everybody - {each.id}
        assert len(each.book) == 11


def test_news_costs_each_member_about_one_message_a_link() -> None:
    square = Square(20)
    square.ring()
    for i in range(20):
        square.link(square.all[i], square.all[(i + 7) % 20])
    square.messages = 0
    mover = square.all[3]
    square.settle([(mover, mover.overlay.announce(("elsewhere:1",), 1.0))], 1.0)
    assert len(square.events("member.moved")) == 19
    # Each link carries the news at most once each way; each member asks for it and gets it once.
    assert square.messages <= 2 * 40 + 2 * 19 + 10


def test_a_new_address_replaces_the_old_one_everywhere() -> None:
    square = Square(4)
    square.ring()
    mover, *others = square.all
    square.settle([(mover, mover.overlay.announce(("10.0.0.9:1",), 5.0))], 5.0)
    for each in others:
        assert each.book.due(10.0) is not None
        member = each.overlay.roll.get(mover.id)
        assert member is not None
        assert member.record.presence.addresses == ("10.0.0.9:1",)


def bury(square: Square, accuser: Resident, accused: Resident, now_s: float) -> bytes:
    """As when its time is up at the accuser."""
    incarnation = accused.herald.incarnation
    blob = sign_obituary(accuser.key.secret, Obituary(accused.id, incarnation, accuser.id))
    effects = [Send(peer, Members(obituaries=(blob,))) for _, peer in sorted(square.links)]
    square.settle([(accuser, effects)], now_s)
    return blob


def test_a_false_obituary_reaches_the_accused_who_refutes_it() -> None:
    square = Square(8)
    square.ring()
    accused, accuser = square.all[0], square.all[4]
    incarnation = accused.herald.incarnation
    bury(square, accuser, accused, 1.0)
    assert accused.herald.incarnation > incarnation
    assert square.events("member.accused_us") == ["m0"]
    assert accused.overlay.detector.health.score > 0
    assert all(accused.id in living(each) for each in square.all[1:])
    # Its neighbours hear it themselves: they never believed it.
    assert not {"m1", "m7"} & set(square.events("member.died"))


def test_a_death_is_known_everywhere_until_a_word_from_the_grave() -> None:
    square = Square(8)
    square.ring()
    dead, accuser = square.all[0], square.all[4]
    for neighbour in (square.all[1], square.all[7]):
        neighbour.overlay.unlinked(dead.id)
    square.links = {pair for pair in square.links if dead.id not in pair}
    bury(square, accuser, dead, 1.0)
    assert all(dead.id not in living(each) for each in square.all[1:] if each is not accuser)
    square.link(dead, square.all[2], 2.0)
    assert all(dead.id in living(each) for each in square.all[1:])


def test_all_who_live_together_draw_each_of_the_dead_about_once() -> None:
    """Whom all others died for always draws one; where all live nobody is drawn."""
    square, draws = Square(8), 6000
    square.ring()
    one, *others = square.all
    assert draw(one, 100).total() == 0
    hold_dead(one, others[2], others[4])
    drawn = draw(one, draws)
    assert set(drawn) == {others[2].id, others[4].id}
    assert all(count == pytest.approx(draws / 6, rel=0.15) for count in drawn.values())  # six live
    hold_dead(one, *others)
    assert draw(one, 100).total() == 100


def draw(one: Resident, times: int) -> Counter[bytes]:
    found = (one.overlay.roll.draw_dead() for _ in range(times))
    return Counter(each.id for each in found if each is not None)


def hold_dead(one: Resident, *others: Resident) -> None:
    for other in others:
        entry = one.overlay.roll.get(other.id)
        assert entry is not None
        entry.obituary = b"an obituary"


def test_a_restart_speaks_over_its_former_life() -> None:
    square = Square(5)
    square.ring()
    old = square.all[0]
    for second in range(3):
        square.settle([(old, old.overlay.announce(("somewhere:1",), second))], second)
    square.links = {pair for pair in square.links if old.id not in pair}
    # The same device, started anew: its incarnations begin again.
    again = Resident(square.town, "m0", old.key, Settings(), 100.0)
    square.all[0] = again
    square.link(again, square.all[1], 100.0)
    assert again.herald.incarnation > old.herald.incarnation
    for each in square.all[1:]:
        member = each.overlay.roll.get(again.id)
        assert member is not None
        assert member.record.presence.instance == again.herald.instance


def test_two_devices_with_one_key_do_not_shout_for_ever() -> None:
    square = Square(3)
    one, _, witness = square.all
    copy = Resident(square.town, "copy", one.key, Settings(), 0.0)
    copied = 0
    for _ in range(100):
        for each, other in ((one, copy), (copy, one)):
            each.overlay.linked(witness.id, witness.herald.instance, 0.0)
            said = Members(records=((other.herald.record, 0),))
            effects = each.overlay.receive(witness.id, said, 1.0)
            copied += any(isinstance(e, Noted) and e.event == "member.copied" for e in effects)
    assert copied > 50
    assert max(one.herald.incarnation, copy.herald.incarnation) <= 2 + 2 * ANSWERS_MAX


def test_names_that_occur_twice_are_noted() -> None:
    square = Square(2)
    twin = square.town.admit("m0")
    square.all.append(twin)
    square.ring()
    assert "m1" in square.events("member.same_name")
    assert {square.all[0].id, twin.id} <= living(square.all[1])


def test_a_liar_loses_its_link_and_changes_nothing() -> None:
    square = Square(3)
    square.ring()
    victim, liar, third = square.all
    elsewhere = Town(seed=9).admit("stranger")
    forged = sign_obituary(liar.key.secret, Obituary(third.id, 1, victim.id))
    lies = Members(records=((elsewhere.herald.record, 0),), obituaries=(forged,))
    for _ in range(REFUSED_MAX):
        victim.overlay.receive(liar.id, lies, 1.0)
    with pytest.raises(RemoteProtocolError, match="again and again"):
        victim.overlay.receive(liar.id, lies, 1.0)
    assert living(victim) == {liar.id, third.id}


def test_accusations_are_rationed() -> None:
    """A member that buries everybody is believed for a few only, until it is known."""
    square = Square(30, QUIET)
    for before, newcomer in zip(square.all, square.all[1:], strict=False):
        square.link(before, newcomer)
    victim, liar = square.all[0], square.all[1]
    for each in square.all[2:]:
        blob = sign_obituary(liar.key.secret, Obituary(each.id, each.herald.incarnation, liar.id))
        victim.overlay.receive(liar.id, Members(obituaries=(blob,)), 1.0)
    assert len(living(victim)) == 29 - ACCUSATIONS_MAX


def test_news_of_one_member_is_rationed() -> None:
    square = Square(2)
    square.ring()
    victim, liar = square.all
    before = liar.herald.incarnation
    for _ in range(REFUSED_MAX):
        liar.herald.announce(("a:1",), 1.0)
        victim.overlay.receive(liar.id, Members(records=((liar.herald.record, 0),)), 1.0)
    member = victim.overlay.roll.get(liar.id)
    assert member is not None
    assert member.record.presence.incarnation <= before + NEWS_MAX


def test_old_records_are_forgotten_and_do_not_come_back() -> None:
    square = Square(2, QUIET)
    square.ring()
    one, other = square.all
    herald: Herald = square.town.admit("gone").herald
    old = Members(records=((herald.record, LIFETIME_S - 100),))
    one.overlay.receive(other.id, old, 0.0)
    assert len(one.overlay.roll) == 2
    square.shuffle(200)
    assert len(one.overlay.roll) == 1
    one.overlay.receive(other.id, Members(records=((herald.record, LIFETIME_S + 1),)), 300.0)
    assert len(one.overlay.roll) == 1


def test_a_full_roll_keeps_its_links_and_passes_nothing_on() -> None:
    square = Square(20, attrs.evolve(QUIET, members_max=5))
    square.ring()
    for each in square.all:
        assert len(each.overlay.roll) <= 5
    assert all(len(living(each)) >= 2 for each in square.all)


def test_what_one_may_ask_for_is_bounded() -> None:
    square = Square(40, QUIET)
    for before, newcomer in zip(square.all, square.all[1:], strict=False):
        square.link(before, newcomer)
    hub, greedy = square.all[0], square.all[1]
    ids = tuple(each.id for each in square.all[2:])
    sent = 0
    for _ in range(200):
        for effect in hub.overlay.receive(greedy.id, Members(wanted=ids), 1.0):
            assert isinstance(effect, Send)
            sent += len(effect.message.records)  # type: ignore[union-attr]
    assert 38 <= sent <= 512


def test_a_hub_tells_of_a_newcomer_to_some_and_others_learn_by_shuffles() -> None:
    square = Square(HUB_LINKS + 3, QUIET)
    hub, *others, newcomer = square.all
    for other in others:
        square.link(hub, other)
    before = square.messages
    square.link(hub, newcomer)
    # To each: the news, its question and the record; and the newcomer's own questions.
    assert square.messages - before <= 3 * TOLD_MAX + SHUFFLE_SAMPLE
    told = sum(newcomer.id in living(other) for other in others)
    assert told == TOLD_MAX
    assert len(living(newcomer)) == SHUFFLE_SAMPLE
    square.shuffle(300)
    assert sum(newcomer.id in living(other) for other in others) > 2 * TOLD_MAX
