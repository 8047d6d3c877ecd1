"""What a cautious node grants, in which order, and that it remembers."""

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.compression.delta import Delta
from gossipfl.errors import StateError
from gossipfl.gossip.caution import CONTROL_MAX, LENGTH_MAX, Caution
from gossipfl.gossip.pulls import SHARE_OF_FEW
from gossipfl.gossip.replica import Replica
from gossipfl.gossip.scheme import weights
from tests.gossip.pair import SIZE, End, make_pair, settle

HERE = b"here"


def delta(values: list[float]) -> Delta:
    return Delta(np.arange(len(values), dtype="i4"), np.array(values, "f4"), SIZE)


def cautious(seed: int = 7) -> Replica:
    caution = Caution(SIZE, seed)
    return Replica(np.zeros(SIZE, "f4"), samples=1, step_size=0.5, activity=0.1, caution=caution)


def test_a_long_half_counts_as_a_pull_before_it_is_cut_to_one_like_ours():
    """Order of effects: pull, then share (here that of a first link), then length."""
    caution = Caution(SIZE, 7)
    theirs, ours = delta([300.0, 400.0]), delta([3.0, 4.0])
    weights = caution.weigh(HERE, theirs, ours, 0.5)
    cut = LENGTH_MAX * 5 / 500
    assert weights == pytest.approx((0.5 * cut * SHARE_OF_FEW, 0.5 * SHARE_OF_FEW))
    # What counts as the pull is the displacement before the cut and the share.
    other = Caution(SIZE, 7)
    pull = np.array([0.5 * (300 - 3), 0.5 * (400 - 4)], "f4")
    other.pulls.note(HERE, np.arange(2, dtype="i4"), pull)
    sketches = (each.pulls.sketches[HERE] for each in (caution, other))
    np.testing.assert_allclose(*sketches, rtol=1e-5)


def test_nobody_moves_a_node_that_has_learnt_nothing_yet():
    replica = cautious()
    replica.merge(HERE, delta([1e9]), delta([0.0]), 0.8, 0.1)
    np.testing.assert_array_equal(replica.parameters, 0)
    np.testing.assert_array_equal(replica.control, 0)


def test_our_own_half_is_cut_too_where_a_liar_has_dragged_the_anchor_away():
    caution = Caution(SIZE, 7)
    caution.weigh(HERE, delta([3.0, 4.0]), delta([4.0, 3.0]), 0.5)
    theirs, ours = caution.weigh(b"there", delta([3.0, 4.0]), delta([60.0, 80.0]), 0.5)
    assert theirs == 0.5 * SHARE_OF_FEW
    assert ours * 100 == pytest.approx(0.5 * SHARE_OF_FEW * LENGTH_MAX * caution.length)


def test_links_that_are_granted_nothing_do_not_change_what_is_usual():
    caution = Caution(SIZE, 7)
    for link in range(4):
        for _ in range(3):
            caution.weigh(bytes([link]), delta([3.0, 4.0]), delta([4.0, 3.0]), 0.5)
    usual = caution.length
    for _ in range(50):
        granted = caution.weigh(HERE, delta([-300.0, 400.0]), delta([300.0, -400.0]), 0.5)
    assert granted == (0, 0)
    assert caution.length == usual == pytest.approx(5)


@given(st.floats(1, 1e30), st.floats(0.01, 0.8))
def test_a_merge_is_bounded_by_our_own_length(theirs, weight):
    replica = cautious()
    replica.merge(HERE, delta([theirs] * 4), delta([1.0] * 4), weight, 0.0)
    assert np.linalg.norm(replica.parameters) <= weight * (LENGTH_MAX + 1) * 2 * 1.001


def test_the_control_variate_stays_below_our_gradients():
    replica = cautious()
    replica.control[:] = 5
    np.testing.assert_array_equal(replica.correction(), 0)  # no gradient is known yet
    moved = np.full(SIZE, 0.1, "f4")
    replica.trained(replica.parameters, replica.parameters + moved, 0.5)
    replica.control[:] = 5
    length = np.linalg.norm(replica.correction())
    assert length == pytest.approx(CONTROL_MAX * np.linalg.norm(moved) / 0.5, rel=1e-5)
    # What the correction adds to a displacement is no gradient of ours.
    gradient = replica.caution.gradient
    corrected = np.float32(0.5) * (replica.control + np.float32(gradient / np.sqrt(SIZE)))
    replica.trained(replica.parameters, replica.parameters + corrected, 0.5)
    assert replica.caution.gradient == pytest.approx(gradient, rel=1e-4)
    np.testing.assert_array_equal(replica.correction(), replica.control)


def test_the_trusting_correct_with_all_they_have():
    replica = Replica(np.zeros(SIZE, "f4"), samples=1, step_size=0.5, activity=0.1)
    replica.control[:] = 5
    np.testing.assert_array_equal(replica.correction(), 5)


@pytest.mark.parametrize(("ours", "theirs"), [(1, 2**31 - 1), (2**31 - 1, 1), (5, 5), (1, 3)])
def test_claimed_samples_count_so_far_and_both_ends_agree(ours, theirs):
    here = weights(ours, theirs, ours_first=True, most=0.8)
    there = weights(theirs, ours, ours_first=False, most=0.8)
    assert here == there[::-1]
    assert max(here) <= 0.8 + 1e-6
    if max(ours, theirs) <= 4 * min(ours, theirs):
        assert here == weights(ours, theirs, ours_first=True)


def exchanged(rounds: int) -> tuple[End, End]:
    """Two cautious nodes that have trained and exchanged so often."""
    ends = make_pair("anchored", caution=True)
    rng = np.random.default_rng(3)
    for _ in range(rounds):
        for end in ends:
            end.train(rng)
        frame = ends[0].open_or_repeat()
        answer = ends[1].take(frame)
        assert answer is not None
        ends[0].take(answer)
    settle(*ends)
    return ends


def test_links_stay_in_step_however_little_is_granted():
    first, second = exchanged(12)
    ours, theirs = first.exchange.state, second.exchange.state
    assert ours.digest == theirs.digest
    np.testing.assert_array_equal(ours.anchor, theirs.anchor)


def test_equal_exchanges_leave_equal_bits():
    one, other = exchanged(8)[0].replica, exchanged(8)[0].replica
    np.testing.assert_array_equal(one.parameters, other.parameters)
    assert one.caution is not None
    assert other.caution is not None
    assert one.caution.snapshot() == other.caution.snapshot()


def test_a_restart_replays_to_the_same_judgement():
    """Sketches and lengths follow from the journal's records alone."""
    end = exchanged(8)[0]
    before = end.replica
    end.crash_and_restart()
    assert before.caution is not None
    assert end.replica.caution is not None
    assert end.replica.caution.length == before.caution.length
    kept, again = before.caution.pulls.sketches, end.replica.caution.pulls.sketches
    assert list(kept) == list(again)
    for link, sums in kept.items():
        np.testing.assert_array_equal(sums, again[link])


def test_a_snapshot_goes_on_where_it_was_taken():
    caution, fresh = Caution(SIZE, 1), Caution(SIZE, 2)
    rng = np.random.default_rng(0)
    halves = [delta(rng.normal(size=20).tolist()) for _ in range(40)]
    links = [bytes([step % 5]) for step in range(40)]
    for step in range(0, 20, 2):
        caution.weigh(links[step], halves[step], halves[step + 1], 0.5)
    caution.note_trained(np.ones(SIZE, "f4"), np.zeros(SIZE, "f4"), 0.1)
    for link, distance in zip(links[:5], [1.0, 1.5, 2.0, 0.5, 3.0], strict=True):
        caution.distances.note(link, distance)
    fresh.restore(caution.snapshot())
    for step in range(20, 40, 2):
        args = (links[step], halves[step], halves[step + 1], 0.5)
        assert fresh.weigh(*args) == caution.weigh(*args)
    assert fresh.snapshot() == caution.snapshot()


def packed(*fields: object) -> bytes:
    return bytes(msgpack.packb(fields))


@pytest.mark.parametrize(
    "snapshot",
    [
        b"",
        b"\xc1",
        packed(1, 2.0),
        packed(1, 0.0, 0.0, {}),
        packed("1", 0.0, 0.0, {}, {}),
        packed(-1, 0.0, 0.0, {}, {}),
        packed(1, float("nan"), 0.0, {}, {}),
        packed(1, 0.0, -1.0, {}, {}),
        packed(1, 0.0, 0.0, [], {}),
        packed(1, 0.0, 0.0, {b"a": b"short"}, {}),
        packed(1, 0.0, 0.0, {b"a": np.full(256, np.inf, "f4").tobytes()}, {}),
        packed(1, 0.0, 0.0, {bytes([i]): bytes(1024) for i in range(65)}, {}),
        packed(1, 0.0, 0.0, {}, []),
        packed(1, 0.0, 0.0, {}, {b"a": "1"}),
        packed(1, 0.0, 0.0, {}, {b"a": float("inf")}),
        packed(1, 0.0, 0.0, {}, {b"a": -1.0}),
        packed(1, 0.0, 0.0, {}, {bytes([i]): 1.0 for i in range(65)}),
    ],
)
def test_a_damaged_snapshot_changes_nothing(snapshot):
    caution = Caution(SIZE, 1)
    caution.weigh(HERE, delta([1.0]), delta([2.0]), 0.5)
    before = caution.snapshot()
    with pytest.raises(StateError, match="what is known of neighbours"):
        caution.restore(snapshot)
    assert caution.snapshot() == before
