"""Learning-rate schedules: by hand, bounded, and refused when misspelt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError
from gossipfl.learning.schedules import FLOOR, parse_schedule, warmed
from gossipfl.learning.settings import TrainingSettings


@pytest.mark.parametrize(
    ("text", "steps", "expected"),
    [
        ("constant", [0, 10**9], [1, 1]),
        ("cosine:100", [0, 50, 100, 10**9], [1, (1 + FLOOR) / 2, FLOOR, FLOOR]),
        ("step:10:0.5", [0, 9, 10, 25, 10**9], [1, 1, 0.5, 0.25, FLOOR]),
        ("inverse:10", [0, 10, 20, 10**9], [1, 0.5, 1 / 3, FLOOR]),
    ],
)
def test_by_hand(text, steps, expected):
    np.testing.assert_allclose(parse_schedule(text)(np.array(steps)), expected)


def test_warm_up_rises_in_a_straight_line_and_then_the_schedule_begins():
    found = warmed(parse_schedule("step:3:0.1"), 4)(np.arange(9))
    np.testing.assert_allclose(found, [0.25, 0.5, 0.75, 1, 1, 1, 1, 0.1, 0.1])


SCHEDULES = st.one_of(
    st.just("constant"),
    st.builds("cosine:{}".format, st.integers(1, 10**6)),
    st.builds("inverse:{}".format, st.integers(1, 10**6)),
    st.builds("step:{}:{}".format, st.integers(1, 10**6), st.floats(0.01, 0.99)),
)


@given(SCHEDULES, st.integers(0, 10**6), st.integers(0, 2**53), st.integers(1, 40))
def test_rates_stay_in_their_bounds_and_do_not_depend_on_where_rounds_begin(
    text, warmup, step, steps
):
    settings = TrainingSettings(learning_rate=0.2, schedule=text, warmup_steps=warmup)
    rates = settings.rates(step, steps)
    # The first step of a warm-up is its slowest.
    assert (rates > 0).all()
    assert (rates <= 0.2).all()
    if step >= warmup:
        assert (rates >= 0.2 * FLOOR * 0.999).all()
        assert (np.diff(rates) <= 0).all()
    one_by_one = np.concatenate([settings.rates(step + i, 1) for i in range(steps)])
    np.testing.assert_array_equal(rates, one_by_one)


@pytest.mark.parametrize(
    "text",
    [
        *("", "constant:1", "cosine", "cosine:0", "cosine:-3", "cosine:1.5", "cosine:1:2"),
        *("step:10", "step:10:1", "step:10:nan", "inverse:x", "linear:5", "cosine:9999999999"),
        *(None, 3),
    ],
)
def test_misspelt_ones_are_refused(text):
    with pytest.raises(ConfigError, match="schedule is constant, cosine:STEPS"):
        TrainingSettings(schedule=text)
