"""Which updates count, when a round is over, and who is given the next model."""

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.central.coordinator import Coordinator, Verdict
from gossipfl.central.settings import CoordinatorSettings
from gossipfl.compression.delta import Delta
from gossipfl.errors import StateError

SIZE = 3
ROUNDS = CoordinatorSettings(deadline_s=10.0, quorum=0.5)


def name(number: int) -> bytes:
    return b"client-%d" % number


def update(value: float) -> Delta:
    return Delta(np.arange(SIZE, dtype=np.int32), np.full(SIZE, value, np.float32), SIZE)


class Group:
    """Clients that come by themselves, and a coordinator."""

    def __init__(self, clients: int, settings: CoordinatorSettings = ROUNDS) -> None:
        self.seat = Coordinator(settings, SIZE, np.random.default_rng(0))
        self.sequences = dict.fromkeys(map(name, range(clients)), 1)
        for client in self.sequences:
            self.seat.join(client, 10)

    def send(self, number: int, value: float = 1.0, now_s: float = 0.0, samples: int = 10):
        client = name(number)
        self.sequences[client] += 1
        return self.again(number, value, now_s, samples)

    def again(self, number: int, value: float = 1.0, now_s: float = 0.0, samples: int = 10):
        client = name(number)
        return self.seat.take(client, self.sequences[client], samples, update(value), now_s)


def test_a_round_ends_when_all_are_heard_and_all_are_answered():
    group = Group(3)
    for number in range(3):
        assert not group.seat.is_over(0)
        assert group.send(number, number, samples=10 * (1 + number)).verdict is Verdict.WAITS
    assert group.seat.is_over(0)
    closing = group.seat.close()
    np.testing.assert_allclose(closing.step, (0 * 10 + 1 * 20 + 2 * 30) / 60)
    assert (closing.updates, closing.invited) == (3, tuple(map(name, range(3))))
    assert group.seat.round == 1
    assert not group.seat.is_over(1e9)


def test_a_repeated_update_counts_once():
    group = Group(2)
    group.send(0, 5.0)
    assert group.again(0, 5.0).verdict is Verdict.WAITS
    assert group.seat.heard == 1
    group.send(1, 1.0)
    np.testing.assert_allclose(group.seat.close().step, 3.0)
    assert group.again(0, 5.0).verdict is Verdict.ANSWER  # the answer got lost
    assert group.seat.heard == 0


def test_the_deadline_ends_a_round_that_has_its_quorum():
    group = Group(4)
    group.send(0, now_s=100)
    assert not group.seat.is_over(110)  # a quarter is no half
    group.send(1, now_s=105)
    assert not group.seat.is_over(109)
    assert group.seat.due_s(105) == 110
    assert group.seat.is_over(110)
    assert group.seat.close().invited == (name(0), name(1))


def test_without_a_quorum_a_round_lasts_twice_as_long_and_never_for_ever():
    group = Group(4)
    group.send(0, now_s=0)
    assert group.seat.due_s(10) == 20
    assert not group.seat.is_over(19.9)
    assert group.seat.is_over(20)


def test_who_leaves_is_not_waited_for():
    group = Group(3)
    group.send(0)
    group.seat.unlinked(name(1))
    assert not group.seat.is_over(0)
    group.seat.unlinked(name(2))
    assert group.seat.is_over(0)


def test_a_late_update_counts_in_the_next_round_and_less():
    group = Group(3)
    group.send(0)
    group.send(1)
    assert group.seat.is_over(10)
    group.seat.close()
    group.send(2, 1.0, now_s=11)  # its model is one round old
    for number in (0, 1):
        group.send(number, 0.0, now_s=12)
    np.testing.assert_allclose(group.seat.close().step, (1 / np.sqrt(2)) / 3)


def test_an_update_for_an_old_round_is_refused_and_its_sender_given_the_newest():
    group = Group(2, evolve(ROUNDS, staleness_max=2))
    for _ in range(3):
        group.send(0)
        group.seat.unlinked(name(1))
        group.seat.close()
    judgement = group.send(1)
    assert judgement.verdict is Verdict.ANSWER
    assert judgement.refusal == "began from round 0, 3 rounds ago"
    assert group.send(1).refusal is None


@pytest.mark.parametrize("samples", [10_000_001, 2001])
def test_a_huge_weight_is_refused(samples):
    group = Group(6)
    for number in range(5):
        group.send(number, samples=20)
    judgement = group.send(5, samples=samples)
    assert "claims" in (judgement.refusal or "")
    assert group.seat.heard == 5
    assert group.seat.is_over(30)


def test_who_has_not_joined_or_has_left_counts_for_nothing():
    group = Group(2)
    assert group.seat.weight == 20
    assert group.seat.leave(name(1)) == 10
    assert group.seat.leave(name(1)) == 0  # it takes its samples along once
    assert group.seat.weight == 10
    assert group.send(1).refusal == "has not asked to be led"
    group.sequences[name(7)] = 1
    assert group.send(7).refusal == "has not asked to be led"
    group.send(0)
    assert group.seat.heard == 1


def test_who_leaves_with_an_old_model_takes_nothing_along():
    group = Group(2)
    group.send(0)
    group.seat.close()
    assert group.seat.leave(name(1)) == 0
    assert group.seat.leave(name(0)) == 10


def test_long_updates_are_cut():
    group = Group(1, evolve(ROUNDS, clip_norm=1.0))
    group.send(0, 100.0)
    assert np.linalg.norm(group.seat.close().step) == pytest.approx(1.0)


def test_a_cohort_ends_a_round_and_some_more_are_given_the_next_model():
    group = Group(10, evolve(ROUNDS, cohort=4, over_selection=0.5))
    for number in range(4):
        assert not group.seat.is_over(0)
        group.send(number)
    assert group.seat.is_over(0)
    assert len(group.seat.close().invited) == 4
    for number in range(10):
        group.send(number)
    assert len(group.seat.close().invited) == 6
    group.send(0)
    assert len(group.seat.close().invited) in (5, 4)  # of those who waited, and the new one


def test_a_buffer_answers_at_once_and_makes_a_step_when_it_is_full():
    group = Group(3, evolve(ROUNDS, buffer=4))
    verdicts = [group.send(number).verdict for number in (0, 1, 0)]
    assert verdicts == [Verdict.ANSWER] * 3
    assert not group.seat.is_over(1e9)
    group.send(0)
    assert group.seat.is_over(0)
    np.testing.assert_allclose(group.seat.close().step, 1.0)


def test_after_a_restart_in_mid_round_nothing_counts_twice_and_nothing_is_lost():
    group = Group(2)
    group.send(0)
    group.send(1)
    group.seat.close()
    group.send(0, 4.0)
    restarted = Coordinator(ROUNDS, SIZE, np.random.default_rng(1))
    restarted.restore(group.seat.snapshot())
    group.seat = restarted
    assert group.seat.round == 1
    assert group.again(0, 4.0).verdict is Verdict.WAITS
    group.send(1, 2.0)
    np.testing.assert_allclose(group.seat.close().step, 3.0)


def test_a_buffer_is_filled_anew_from_the_journal():
    settings = evolve(ROUNDS, buffer=3)
    group, steps = Group(2, settings), []
    saved, rows = group.seat.snapshot(), []
    for number, value in ((0, 1.0), (1, 2.0), (0, 3.0), (1, 4.0)):
        group.send(number, value)
        rows.append((name(number), group.sequences[name(number)], 10, update(value)))
        if group.seat.is_over(0):
            steps.append(group.seat.close().step)
    again = Coordinator(settings, SIZE, np.random.default_rng(1))
    again.restore(saved)
    replayed = [closing.step for row in rows if (closing := again.replay(*row)) is not None]
    np.testing.assert_array_equal(replayed, steps)
    assert (again.round, again.heard) == (group.seat.round, group.seat.heard) == (1, 1)


def test_damaged_snapshots_are_refused():
    seat = Coordinator(ROUNDS, SIZE, np.random.default_rng(0))
    for blob in (b"", b"\xc1", b"\x01", seat.snapshot()[:-1], b"\x94\x01\xa0\xa0\x91\x01"):
        with pytest.raises(StateError):
            seat.restore(blob)


@given(
    st.lists(st.tuples(st.sampled_from("snac"), st.integers(0, 5), st.floats(0, 30)), max_size=80),
    st.sampled_from([ROUNDS, evolve(ROUNDS, cohort=2), evolve(ROUNDS, buffer=3)]),
)
def test_whatever_clients_do_a_round_ends_and_no_update_counts_twice(moves, settings):
    """s: sends, n: says its last again, a: leaves, c: the round ends if it is over."""
    group = Group(6, settings)
    now_s, sent, counted = 0.0, 0, 0
    for move, number, wait_s in moves:
        now_s += wait_s
        if move == "s":
            sent += group.send(number, now_s=now_s).refusal is None
        elif move == "n" and not settings.buffer and group.sequences[name(number)] > 1:
            group.again(number, now_s=now_s)
        elif move == "a":
            group.seat.unlinked(name(number))
        elif group.seat.is_over(now_s):
            closing = group.seat.close()
            counted += closing.updates
            assert len(set(closing.invited)) == len(closing.invited)
        assert counted + group.seat.heard <= sent
    if group.seat.heard and not settings.buffer:
        assert group.seat.is_over(now_s + 2 * settings.deadline_s + 1e-6)
