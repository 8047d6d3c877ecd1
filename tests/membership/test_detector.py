"""Probes, relays, suspicion and local health, second by second."""

import math

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.membership.detector import ERRANDS_MAX, VAIN_MAX, Detector
from gossipfl.membership.effects import Dead, Effect, End, Noted, Send, Visit
from gossipfl.membership.settings import Settings
from gossipfl.membership.suspicion import Suspicion, shortest_s, suspect
from gossipfl.wire.messages import Ping, PingRequest, PingResult

SETTINGS = Settings(probe_interval_s=1.0, probe_timeout_s=0.3)
PLAIN = attrs.evolve(SETTINGS, lifeguard=False)
PEERS = tuple(bytes([i]) * 8 for i in range(1, 6))
A, B, C, D, E = PEERS


def detector(settings: Settings = SETTINGS, peers: tuple[bytes, ...] = PEERS) -> Detector:
    made = Detector(settings, np.random.default_rng(0), lambda: 10, 0.0)
    for peer in peers:
        made.watch(peer, 0.0)
    return made


class Run:
    """Time passes; those who are in `answering` answer each ping at once."""

    def __init__(self, subject: Detector, answering: tuple[bytes, ...]) -> None:
        self.subject, self.answering = subject, answering
        self.now_s, self.log = 0.0, list[tuple[float, Effect]]()

    def until(self, end_s: float) -> None:
        while self.subject.wake_s <= end_s:
            self.now_s = max(self.now_s, self.subject.wake_s)
            for effect in self.subject.tick(self.now_s):
                self.do(effect)
        self.now_s = end_s

    def do(self, effect: Effect) -> None:
        self.log.append((self.now_s, effect))
        match effect:
            case Send(peer, Ping()) if peer in self.answering:
                self.more(self.subject.heard(peer, self.now_s))
            case Send(peer, PingRequest(number, target)) if peer in self.answering:
                result = PingResult(number, target in self.answering)
                self.more(self.subject.heard(peer, self.now_s))
                self.more(self.subject.answered(peer, result))

    def more(self, effects: list[Effect]) -> None:
        for effect in effects:
            self.do(effect)

    def times(self, kind: type[Effect], about: bytes) -> list[float]:
        return [s for s, e in self.log if isinstance(e, kind) and about in attrs.astuple(e)]


def test_each_neighbour_is_asked_in_turn_and_nobody_is_suspected() -> None:
    run = Run(detector(), PEERS)
    run.until(100)
    pings = [effect.to for _, effect in run.log if isinstance(effect, Send)]
    assert 90 <= len(pings) <= 112  # one an interval, whatever the number of neighbours
    assert all(set(pings[i : i + 5]) == set(PEERS) for i in range(0, 90, 5))
    assert len(pings) == len(run.log)


def test_who_was_heard_lately_is_asked_nothing() -> None:
    run = Run(detector(peers=(A,)), ())
    for tenth in range(1, 300):
        run.until(tenth / 10)
        run.subject.heard(A, run.now_s)
    assert run.log == []


@pytest.mark.parametrize("settings", [SETTINGS, PLAIN], ids=["lifeguard", "plain"])
def test_the_dead_are_suspected_and_then_buried(settings: Settings) -> None:
    run = Run(detector(settings), (B, C, D, E))
    run.until(60)
    (suspected_s,), (dead_s,) = run.times(Noted, A), run.times(Dead, A)
    assert suspected_s <= 5 * 1.1 + 1  # its turn, and the length of a probe
    # Relays that fail as well are the witnesses that shorten its time to the shortest.
    assert dead_s - suspected_s == pytest.approx(shortest_s(settings, 10), abs=1.1)
    assert not [e for _, e in run.log if isinstance(e, Dead) and e.whom != A]


def test_without_witnesses_a_suspect_has_far_more_time() -> None:
    """All others are silent as well: more likely it is we who are cut off."""
    run = Run(detector(), ())
    run.until(200)
    for peer in PEERS:
        (dead_s,) = run.times(Dead, peer)
        assert dead_s >= SETTINGS.suspicion_max * shortest_s(SETTINGS, 10)
    alone = Run(detector(peers=(A,)), ())  # but who knows nobody else need not wait for them
    alone.until(200)
    assert alone.times(Dead, A)[0] < 2.5 * shortest_s(SETTINGS, 10)


def test_a_relay_that_reaches_it_is_as_good_as_an_answer() -> None:
    subject = detector(peers=(A, B))
    run = Run(subject, (B,))
    run.until(0.5)
    while not run.times(Send, A):
        run.until(run.now_s + 0.1)
    run.answering = ()
    while not (requests := [e for _, e in run.log if isinstance(e, Send) and e.to == B]):
        run.until(run.now_s + 0.1)
    request = requests[-1].message
    run.until(run.now_s + 0.05)
    if isinstance(request, PingRequest):
        assert request.target == A
        subject.answered(B, PingResult(request.number, True))
    run.until(run.now_s + 0.8)
    assert not subject.is_suspect(A)


def test_a_stuck_link_is_ended_though_its_peer_lives() -> None:
    subject = detector(peers=(A, B, C, D))
    run = Run(subject, (B, C, D))

    def reach(effect: Effect) -> None:
        run.log.append((run.now_s, effect))
        match effect:
            case Send(peer, Ping()) if peer != A:
                run.more(subject.heard(peer, run.now_s))
            case Send(peer, PingRequest(number, _)):
                run.more(subject.answered(peer, PingResult(number, True)))

    run.do = reach  # type: ignore[method-assign]
    run.until(4.5 * 1.1 * VAIN_MAX)
    assert run.times(End, A)
    assert not subject.is_suspect(A)


def test_any_frame_clears_a_suspect() -> None:
    run = Run(detector(), (B, C, D, E))
    while not run.subject.is_suspect(A):
        run.until(run.now_s + 0.1)
    run.more(run.subject.heard(A, run.now_s))
    assert not run.subject.is_suspect(A)
    assert [e for _, e in run.log if e == Noted("member.cleared", A)]


@pytest.mark.parametrize("linked", [True, False])
def test_errands(linked: bool) -> None:
    """Over our link if there is one, else by a dial; yes at once, no when the time is up."""
    subject = detector(peers=(A, B) if linked else (A,))
    (effect,) = subject.asked(A, PingRequest(7, B), 10.0)
    assert effect == (Send(B, Ping()) if linked else Visit(B))
    answer = subject.heard(B, 10.1) if linked else subject.visited(B, True)
    assert Send(A, PingResult(7, True)) in answer
    subject.asked(A, PingRequest(8, B), 20.0)
    assert Send(A, PingResult(8, False)) in subject.tick(20.0 + SETTINGS.probe_timeout_s)
    assert Send(A, PingResult(8, False)) not in subject.tick(21.0)


def test_errands_are_bounded() -> None:
    subject = detector(peers=(A,))
    taken = [subject.asked(A, PingRequest(i + 1, B), 0.0) for i in range(3 * ERRANDS_MAX)]
    assert sum(map(bool, taken)) == ERRANDS_MAX


def test_answers_to_questions_that_we_never_asked_do_nothing() -> None:
    subject = detector()
    assert subject.answered(A, PingResult(1, True)) == []
    assert subject.answered(A, PingResult(65_535, False)) == []
    assert subject.visited(A, False) == []
    assert subject.heard(bytes(8), 1.0) == []


def test_what_we_slept_through_is_held_against_nobody() -> None:
    run = Run(detector(), (B, C, D, E))
    while not run.subject.is_suspect(A):
        run.until(run.now_s + 0.1)
    effects = run.subject.tick(run.now_s + 1000)
    assert not [e for e in effects if isinstance(e, Dead)]
    assert run.subject.health.score > 0
    plain = Run(detector(PLAIN), (B, C, D, E))
    while not plain.subject.is_suspect(A):
        plain.until(plain.now_s + 0.1)
    assert Dead(A) in plain.subject.tick(plain.now_s + 1000)  # the control


def test_who_gets_no_answers_at_all_asks_more_slowly() -> None:
    run = Run(detector(), ())
    run.until(20)
    assert run.subject.health.score > 3
    run.answering = PEERS
    run.until(200)
    assert run.subject.health.score == 0


@given(st.integers(0, 6), st.integers(1, 10_000), st.integers(0, 5))
def test_suspicion_shortens_with_witnesses_and_stays_in_bounds(
    witnesses: int, members: int, relays: int
) -> None:
    case = suspect(SETTINGS, members, 5.0, relays)
    times = []
    for i in range(witnesses + 1):
        times.append(case.until_s)
        case.witnesses.add(bytes([i]) * 8)
    assert times == sorted(times, reverse=True)
    least = 5.0 + shortest_s(SETTINGS, members)
    assert all(least <= s + 1e-9 for s in times)
    assert times[0] <= 5.0 + SETTINGS.suspicion_max * shortest_s(SETTINGS, members) + 1e-9


def test_suspicion_is_lifeguards_formula() -> None:
    assert shortest_s(SETTINGS, 128) == pytest.approx(4 * math.log10(128))
    case = Suspicion(0.0, 8.4, 50.4, 2)
    assert case.until_s == pytest.approx(50.4)
    case.witnesses.add(A)
    assert case.until_s == pytest.approx(50.4 - 42 * math.log(2) / math.log(3))
    case.witnesses.add(B)
    assert case.until_s == pytest.approx(8.4)
