"""Exactly once, whatever the network and the power supply do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.gossip.link import FRESH, LinkState, Planted
from gossipfl.wire.messages import Mismatch, Reply, Request, Seed, decode, encode
from tests.gossip.pair import SIZE, End, initial_model, make_pair, settle

SCHEMES = ("anchored", "plain")

# What can happen next: (what, which end), the network choosing among waiting frames by number.
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["train", "open", "deliver", "lose", "double", "overtake", "crash"]),
        st.integers(0, 1),
        st.integers(0, 7),
    ),
    max_size=60,
)


def play(ends: tuple[End, End], events: list[tuple[str, int, int]], seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for what, which, number in events:
        end, other = ends[which], ends[1 - which]
        if what == "train":
            end.train(rng)
        elif what == "open":
            other.inbox.append(end.open_or_repeat())
        elif what == "crash":
            end.crash_and_restart()
        elif end.inbox:
            _network(end, other, what, number)


def _network(end: End, other: End, what: str, number: int) -> None:
    if what == "lose":
        end.inbox.pop(0)
        return
    at = number % len(end.inbox) if what == "overtake" else 0
    frame = end.inbox[at] if what == "double" else end.inbox.pop(at)
    answer = end.take(frame)
    if answer is not None:
        other.inbox.append(answer)


def weighted_sum(ends: tuple[End, End], vectors: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return sum(end.samples * v.astype("f8") for end, v in zip(ends, vectors, strict=True))


def assert_in_step(ends: tuple[End, End]) -> None:
    first, second = (end.exchange.state for end in ends)
    assert first.sequence == second.sequence
    assert first.digest == second.digest
    assert first.anchor.tobytes() == second.anchor.tobytes()


@pytest.mark.parametrize("scheme", SCHEMES)
@given(events=EVENTS)
def test_anchors_agree_and_sums_are_conserved(
    scheme: str, events: list[tuple[str, int, int]]
) -> None:
    ends = make_pair(scheme)
    play(ends, events)
    settle(*ends)
    assert_in_step(ends)
    assert all(not isinstance(record, Planted) for end in ends for record in end.records)
    start = weighted_sum(ends, (initial_model(), initial_model()))
    steps = tuple(sum(end.trained, np.zeros(SIZE, "f4")) for end in ends)
    models = weighted_sum(ends, tuple(end.replica.parameters for end in ends))
    np.testing.assert_allclose(models, start + weighted_sum(ends, steps), rtol=0, atol=2e-3)
    controls = weighted_sum(ends, tuple(end.replica.control for end in ends))
    np.testing.assert_allclose(controls, 0, rtol=0, atol=1e-3)


def test_a_lost_answer_is_repeated_and_applied_once() -> None:
    ends = first, second = make_pair("anchored")
    first.train(np.random.default_rng(1))
    request = first.open_or_repeat()
    assert second.take(request) is not None  # the answer is lost
    applied = second.replica.parameters.copy()
    assert first.open_or_repeat() == request
    answer = second.take(request)
    assert answer is not None
    np.testing.assert_array_equal(second.replica.parameters, applied)
    assert first.take(answer) is None
    assert_in_step(ends)
    assert first.take(answer) is None
    assert first.exchange.state.sequence == 1


def test_a_lost_reply_holds_up_the_next_exchange_no_longer_than_itself() -> None:
    ends = first, second = make_pair("anchored")
    for end in ends:
        end.train(np.random.default_rng(end.samples))
    assert second.take(first.open_or_repeat()) is not None  # the reply is lost
    overtaking = second.open_or_repeat()
    repeated = first.take(overtaking)
    reply = second.take(repeated or b"")
    answer = first.take(reply or b"")  # closes their exchange as well
    assert answer is not None
    assert second.take(answer) is None
    assert_in_step(ends)
    assert first.exchange.state.sequence == 2
    assert first.exchange.state.pending is second.exchange.state.pending is None


def test_an_illegal_request_that_overtakes_changes_nothing() -> None:
    first, second = make_pair("anchored")
    second.take(first.open_or_repeat())
    overtaking = decode(second.open_or_repeat())
    assert isinstance(overtaking, Request)
    illegal = Request(overtaking.sequence, overtaking.digest, 90, 5, b"\xff" * 30)
    with pytest.raises(RemoteProtocolError):
        first.take(encode(illegal))
    assert first.take(second.take(first.open_or_repeat()) or b"") is None


def test_crossing_requests_answer_each_other() -> None:
    ends = first, second = make_pair("anchored")
    for end in ends:
        end.train(np.random.default_rng(end.samples))
    requests = first.open_or_repeat(), second.open_or_repeat()
    assert second.take(requests[0]) is None
    assert first.take(requests[1]) is None
    assert_in_step(ends)
    assert first.exchange.state.sequence == 1


def test_samples_travel_only_when_they_change() -> None:
    first, second = make_pair("anchored")
    seen = []
    for samples in (3, 3, 4, 4):
        first.replica.samples = samples
        first.train(np.random.default_rng(samples))
        request = first.open_or_repeat()
        message = decode(request)
        assert isinstance(message, Request)
        seen.append(message.samples)
        first.take(second.take(request) or b"")
    assert seen == [3, None, 4, None]


def test_ends_that_disagree_seed_the_link_anew() -> None:
    ends = first, second = make_pair("anchored")
    for _ in range(3):
        first.train(np.random.default_rng(1))
        first.take(second.take(first.open_or_repeat()) or b"")
    second.records.clear()
    second.crash_and_restart()  # a disk that forgot everything
    second.inbox.append(first.open_or_repeat())
    settle(*ends)
    assert any(isinstance(record, Planted) for record in first.records)
    assert_in_step(ends)
    assert first.exchange.state.base != FRESH


def test_a_lost_seed_is_repeated() -> None:
    first, second = make_pair("anchored")
    second.exchange.state.sequence = 9
    first.train(np.random.default_rng(0))
    seed = first.take(encode(Mismatch(9, b"12345678")))
    assert isinstance(decode(seed or b""), Seed)
    assert first.take(encode(Mismatch(9, b"12345678"))) == seed
    assert second.take(seed or b"") is None
    assert second.take(seed or b"") is None
    assert_in_step((first, second))


def test_only_the_lower_id_seeds() -> None:
    first, _ = make_pair("anchored")
    with pytest.raises(RemoteProtocolError, match="must not"):
        first.take(encode(Seed(b"\0")))


@pytest.mark.parametrize("payload", [b"\xff" * 40, b"\1", bytes(481)])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_illegal_payloads_change_nothing(scheme: str, payload: bytes) -> None:
    first, _ = make_pair(scheme)
    before = first.replica.parameters.copy()
    with pytest.raises(RemoteProtocolError):
        first.take(encode(Request(1, FRESH[:2], 100, 7, payload)))
    np.testing.assert_array_equal(first.replica.parameters, before)
    assert first.exchange.state.sequence == 0


def test_the_first_exchange_must_say_its_samples() -> None:
    first, second = make_pair("anchored")
    first.train(np.random.default_rng(0))
    honest = decode(first.open_or_repeat())
    assert isinstance(honest, Request)
    with pytest.raises(RemoteProtocolError, match="samples"):
        second.take(encode(Request(1, honest.digest, honest.activity, None, honest.payload)))


def test_unasked_replies_are_ignored() -> None:
    first, second = make_pair("anchored")
    second.train(np.random.default_rng(0))
    request = decode(second.open_or_repeat())
    assert isinstance(request, Request)
    reply = Reply(request.sequence, request.digest, 90, 4, request.payload)
    assert first.take(encode(reply)) is None
    assert first.exchange.state.sequence == 0


def test_offering_twice_is_our_own_bug() -> None:
    first, _ = make_pair("anchored")
    first.exchange.offer(first.replica)
    with pytest.raises(LocalProtocolError):
        first.exchange.offer(first.replica)


def test_link_state_starts_fresh() -> None:
    assert LinkState(np.zeros(3, "f4")).digest == FRESH
