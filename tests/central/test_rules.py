"""What updates come to under each rule, and how far liars get."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.central.optimizers import NAMES, ServerOptimizer
from gossipfl.central.rules import Mean, RuleName
from gossipfl.compression.delta import Delta
from gossipfl.errors import ConfigError, StateError

SIZE = 12
RULES = ("mean", "median", "trimmed:0.2", "krum:1", "multi-krum:1:3")


def dense(values) -> Delta:
    values = np.asarray(values, np.float32)
    return Delta(np.arange(len(values), dtype=np.int32), values, len(values))


def combine(rule: str, rows, samples=None) -> np.ndarray:
    made = RuleName(rule).make(len(rows[0]))
    for row, weight in zip(rows, samples or [1] * len(rows), strict=True):
        made.add(dense(row), weight, 1.0)
    assert made.count == len(rows)
    return made.finish()


@given(st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_the_mean_is_weighted_by_samples(count, seed):
    rng = np.random.default_rng(seed)
    rows, samples = rng.normal(size=(count, SIZE)), rng.integers(1, 500, count).tolist()
    expected = np.average(rows.astype("f4").astype("f8"), axis=0, weights=samples)
    np.testing.assert_allclose(combine("mean", rows, samples), expected, rtol=1e-12, atol=1e-12)


def test_entries_that_are_not_sent_count_as_zero():
    rule = Mean(4)
    rule.add(Delta(np.array([1], np.int32), np.array([6.0], np.float32), 4), 1, 1.0)
    rule.add(Delta(np.array([1, 3], np.int32), np.array([0.0, 3.0], np.float32), 4), 2, 1.0)
    np.testing.assert_allclose(rule.finish(), [0, 2, 0, 2])


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_begins_anew_after_each_round(
    rule,
):
    made = RuleName(rule).make(2)
    for value in (1.0, 5.0):
        made.add(dense([value, -value]), 3, 1.0)
        np.testing.assert_allclose(made.finish(), [value, -value])


@pytest.mark.parametrize("rule", RULES)
@given(st.integers(1, 11), st.integers(0, 2**32 - 1))
def test_no_rule_leaves_the_box_of_the_updates(rule, count, seed):
    rows = np.random.default_rng(seed).normal(size=(count, SIZE)).astype("f4")
    found = combine(rule, rows)
    assert (rows.min(0) - 1e-6 <= found).all()
    assert (found <= rows.max(0) + 1e-6).all()


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_the_median_is_numpys(count, seed):
    rows = np.random.default_rng(seed).normal(size=(count, SIZE)).astype("f4")
    np.testing.assert_allclose(combine("median", rows), np.median(rows, axis=0), rtol=1e-6)


@pytest.mark.parametrize("rule", [each for each in RULES if each != "mean"])
def test_a_liar_among_seven_moves_nothing_but_the_mean(rule):
    rng = np.random.default_rng(1)
    honest = 1 + 0.1 * rng.normal(size=(6, SIZE))
    rows = [*honest, np.full(SIZE, -1e6)]
    assert np.abs(combine(rule, rows) - 1).max() < 0.3
    assert np.abs(combine("mean", rows) - 1).max() > 1e4


def test_krum_takes_one_of_the_updates_and_multi_krum_their_mean():
    rows = np.array([[0.0], [0.1], [0.2], [0.3], [50.0]])
    assert combine("krum:1", rows)[0] in (np.float32(0.1), np.float32(0.2))
    assert combine("multi-krum:1:4", rows)[0] == pytest.approx(0.15)


@pytest.mark.parametrize(
    "name",
    ["", "average", "median:1", "trimmed", "trimmed:0.5", "trimmed:-1", "trimmed:x", "krum",
     "krum:-1", "krum:1:2", "multi-krum:1", "multi-krum:1:0", "krum:2000"],
)  # fmt: skip
def test_rules_that_do_not_exist_are_named(name):
    with pytest.raises(ConfigError, match=r"rule"):
        RuleName(name)


@pytest.mark.parametrize("name", NAMES)
def test_an_optimizer_goes_on_where_it_was(name):
    rng = np.random.default_rng(2)
    one, other = (ServerOptimizer(name, 0.5, 0.01, SIZE) for _ in range(2))
    for _ in range(3):
        one.step(rng.normal(size=SIZE))
    other.restore(*one.snapshot())
    update = rng.normal(size=SIZE)
    np.testing.assert_array_equal(one.step(update), other.step(update))


def test_optimizers_do_what_their_papers_say():
    update = np.array([1.0, -2.0])
    momentum = ServerOptimizer("momentum", 0.5, 0.1, 2)
    np.testing.assert_allclose(momentum.step(update), 0.5 * update)
    np.testing.assert_allclose(momentum.step(update), 0.5 * 1.9 * update)
    for name, second in (
        ("adam", 0.99 * 0.01 + 0.01 * update**2),
        ("yogi", 0.01 + 0.01 * update**2),  # both squares are above what was there
    ):
        adaptive = ServerOptimizer(name, 0.5, 0.1, 2)
        expected = 0.5 * 0.1 * update / (np.sqrt(second) + 0.1)
        np.testing.assert_allclose(adaptive.step(update), expected)


def test_a_damaged_optimizer_is_refused_and_another_ones_state_is_not_taken():
    adam, average = ServerOptimizer("adam", 1, 0.1, 2), ServerOptimizer("average", 1, 0.1, 2)
    with pytest.raises(StateError, match="remove"):
        adam.restore(b"\0" * 8, b"")
    with pytest.raises(StateError, match="remove"):
        adam.restore(np.array([np.nan, 1]).tobytes(), np.zeros(2).tobytes())
    before = adam.second.copy()
    adam.restore(*average.snapshot())
    np.testing.assert_array_equal(adam.second, before)
