"""The account of bytes: no day holds more than a day's, and what is earned can be spent."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError
from gossipfl.gossip.allowance import DAY_MIN, DAY_S, MESSAGE_MIN, Allowance, Limits
from gossipfl.wire.messages import HALF_OVERHEAD_MAX

DAYS = st.integers(DAY_MIN, 10**9)


def spend(allowance, waits_s):
    """(time, bytes) of every message of a node that sends all it may."""
    now_s, total, sent = 0.0, 0, []
    for wait_s in waits_s:
        now_s += wait_s
        allowance.note(now_s, total)
        if allowance.affords_message:
            message = math.floor(allowance.payload_bytes()) + HALF_OVERHEAD_MAX
            total += message
            sent.append((now_s, message))
    return sent


@given(DAYS, st.lists(st.floats(0, DAY_S / 2), max_size=200))
def test_no_window_of_a_day_holds_more_than_a_days_bytes(day, waits_s):
    sent = spend(Allowance(Limits(bytes_per_day=day)), waits_s)
    for first, _ in sent:
        assert sum(size for at, size in sent if first <= at < first + DAY_S) <= day


@given(DAYS)
def test_a_busy_node_sends_nearly_all_that_it_may(day):
    sent = spend(Allowance(Limits(bytes_per_day=day)), [60.0] * 1440)
    assert sum(size for _, size in sent) > 0.9 * day


@given(DAYS, st.integers(MESSAGE_MIN, 2000), st.lists(st.floats(0, 10**5), max_size=50))
def test_no_message_is_longer_than_the_most(day, most, waits_s):
    for limits in (Limits(day, most), Limits(None, most)):
        assert all(size <= most for _, size in spend(Allowance(limits), waits_s))


def test_without_limits_everything_goes():
    allowance = Allowance(Limits())
    allowance.note(5.0, 10**15)
    assert allowance.affords_message
    assert allowance.payload_bytes() == math.inf


def test_bytes_beyond_the_account_are_waited_for():
    """A handshake asks nobody: what it cost is missing later."""
    allowance = Allowance(Limits(bytes_per_day=90_000))
    allowance.note(0.0, 900)
    allowance.note(900.0, 900)
    assert not allowance.affords_message
    allowance.note(1100.0, 900)
    assert allowance.affords_message


@pytest.mark.parametrize("changes", [{"bytes_per_day": 9999}, {"max_message_bytes": 63}])
def test_limits_without_room_are_refused(changes):
    with pytest.raises(ConfigError, match="at least"):
        Limits(**changes)
