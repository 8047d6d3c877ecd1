"""Weights, the averaged model, the activity and the guard."""

import numpy as np
import pytest

from gossipfl.compression.delta import Delta
from gossipfl.gossip.activity import Activity
from gossipfl.gossip.caution import Caution
from gossipfl.gossip.guard import COLD, PAUSE_ROUNDS, WARM_UP_ROUNDS, ResidualGuard
from gossipfl.gossip.replica import Replica, shared_activity
from gossipfl.gossip.scheme import weights


def make_replica(size: int = 4) -> Replica:
    return Replica(np.zeros(size, "f4"), samples=1, step_size=0.5, activity=0.1)


def entry(index: int, value: float) -> Delta:
    return Delta(np.array([index], "i4"), np.array([value], "f4"), 4)


NOTHING = Delta(np.zeros(0, "i4"), np.zeros(0, "f4"), 4)


@pytest.mark.parametrize(("ours", "theirs"), [(1, 1), (3, 7), (1, 2**31 - 1)])
def test_both_ends_use_the_same_weights(ours: int, theirs: int) -> None:
    here = weights(ours, theirs, ours_first=True)
    there = weights(theirs, ours, ours_first=False)
    assert here == there[::-1]
    assert sum(here) == pytest.approx(1)
    assert here[0] == pytest.approx(ours / (ours + theirs), rel=1e-6)


def test_merges_during_training_are_kept() -> None:
    replica = make_replica()
    start = replica.parameters.copy()
    replica.displace(entry(1, 2.0), 0.5, NOTHING, -0.5, 0.0)
    replica.trained(start, start + np.float32(1), 0.25)
    assert replica.step_size == 0.25
    np.testing.assert_array_equal(replica.parameters, [1, 2, 1, 1])


def test_displacements_teach_the_control_variate() -> None:
    replica = make_replica()
    replica.displace(entry(2, 4.0), 0.5, entry(3, 8.0), -0.5, 0.25)
    np.testing.assert_array_equal(replica.control, [0, 0, 0.5, -1])
    assert replica.activity.touched == 2


def test_the_average_follows_the_model() -> None:
    replica = make_replica()
    replica.parameters[:] = 1
    replica.end_round()
    np.testing.assert_array_equal(replica.average, 1)  # the first round counts alone
    for _ in range(100):
        replica.parameters[:] = 3
        replica.end_round()
    np.testing.assert_allclose(replica.average, 3, atol=1e-3)


def test_either_end_can_switch_the_control_variate_off() -> None:
    assert shared_activity(0, 200) == 0
    assert shared_activity(200, 0) == 0
    assert shared_activity(90, 200) == shared_activity(200, 90) > 0


def test_activity_is_the_fraction_touched() -> None:
    activity = Activity(0.5)
    for _ in range(200):
        activity.note(20)
        activity.end_round(100)
    assert activity.phi == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("phi", "gain"),
    [(0.02, 0.03), (0.08, 0.12), (0.1, 0.15), (0.12, 0.15), (0.15, 0.15), (0.7, 0.7)],
)
def test_rare_corrections_count_for_more(phi, gain):
    assert Activity(phi).gain == pytest.approx(gain)


def test_the_guard_halves_the_gain_of_a_mesh_that_drifts_apart() -> None:
    guard = ResidualGuard()
    for _ in range(WARM_UP_ROUNDS + PAUSE_ROUNDS):
        guard.note(1.0)
        assert not guard.end_round()
    acted = 0
    for step in range(30):
        guard.note(1.0 + step)
        acted += guard.end_round()
    assert acted >= 1
    assert guard.gain == 0.5**acted


def test_the_guard_leaves_a_steady_mesh_alone() -> None:
    guard = ResidualGuard()
    rng = np.random.default_rng(0)
    for _ in range(500):
        guard.note(float(rng.uniform(0.8, 1.2)))
        assert not guard.end_round()


def test_a_jump_is_a_cold_link_and_no_divergence() -> None:
    guard = ResidualGuard()
    for _ in range(WARM_UP_ROUNDS + PAUSE_ROUNDS):
        assert not guard.note(1.0)
        guard.end_round()
    assert guard.note(1.1 * COLD)
    for residual in (2.5, 2.2, 1.9, 1.7, 1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 1.0, 1.0):
        assert not guard.note(residual)
        assert not guard.end_round()
    assert guard.gain == 1


def test_a_link_that_stays_far_becomes_usual() -> None:
    guard = ResidualGuard()
    for _ in range(2 * WARM_UP_ROUNDS):
        guard.note(1.0)
        guard.end_round()
    cold = 0
    for _ in range(50):
        cold += guard.note(10.0)
        guard.end_round()
    assert 1 <= cold < 15
    assert not guard.note(10.0)


def test_no_link_is_cold_before_the_usual_is_known() -> None:
    guard = ResidualGuard()
    assert not guard.note(1.0)
    assert not guard.note(100.0)


def test_among_neighbours_the_average_follows_anchors_and_training_starts_there() -> None:
    replica, anchor = make_replica(), np.full(4, 7, "f4")
    for _ in range(100):
        replica.meet(anchor)
        assert replica.start() is replica.average
        replica.end_round()
    np.testing.assert_allclose(replica.average, 7, atol=1e-3)
    np.testing.assert_array_equal(replica.parameters, 0)


def test_whoever_is_alone_goes_by_its_own_model() -> None:
    replica = make_replica()
    replica.meet(np.full(4, 7, "f4"))
    for _ in range(100):
        replica.end_round()
        assert replica.start() is replica.parameters
    np.testing.assert_allclose(replica.average, 0, atol=1e-3)


def test_anchors_that_strangers_move_are_not_believed() -> None:
    replica = Replica(
        np.zeros(4, "f4"), samples=1, step_size=0.5, activity=0.1, caution=Caution(4, seed=0)
    )
    replica.meet(np.full(4, 7, "f4"))
    assert replica.start() is replica.parameters
    replica.end_round()
    np.testing.assert_array_equal(replica.average, 0)
