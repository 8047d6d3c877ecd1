"""Virtual time runs forwards, and ties break by order of scheduling."""

from functools import partial
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import LocalProtocolError
from gossipfl.simulation.engine import Engine


def test_events_run_in_order_of_time_then_of_scheduling():
    engine, seen = Engine(), []
    for name, delay_s in (("c", 2.0), ("a", 1.0), ("b", 1.0), ("late", 9.0)):
        engine.schedule(delay_s, partial(seen.append, name))
    engine.run_until(5)
    assert seen == ["a", "b", "c"]
    assert (engine.now_s, engine.events) == (5, 3)
    engine.run_until(9)
    assert seen[-1] == "late"


def test_an_event_may_schedule_others_even_for_the_same_moment():
    engine, seen = Engine(), []

    def twice() -> None:
        seen.append(engine.now_s)
        engine.schedule(0, partial(seen.append, "now"))
        engine.schedule(1, partial(seen.append, "then"))

    engine.schedule(1, twice)
    engine.run_until(1)
    assert seen == [1, "now"]


@pytest.mark.parametrize("delay_s", [-1e-9, float("nan")])
def test_the_past_is_refused(delay_s):
    for plan in (Engine().schedule, Engine().line_up):
        with pytest.raises(LocalProtocolError):
            plan(delay_s, print)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.5, 1.0, 3.0])), max_size=40),
    st.integers(0, 12),
)
def test_lining_up_changes_no_order(plans, stop):
    """Each event plans the next two of `plans`, by whichever way they say."""
    runs = []
    for may_line_up in (True, False):
        engine, seen, left = Engine(), [], iter(enumerate(plans))

        def plan(engine=engine, seen=seen, left=left, may_line_up=may_line_up) -> None:
            for number, (lines_up, delay_s) in [*islice(left, 2)]:
                way = engine.line_up if lines_up and may_line_up else engine.schedule
                way(delay_s, happen, number, engine, seen, plan)

        plan()
        engine.run_until(stop)
        runs.append((seen, engine.events, engine.now_s))
    assert runs[0] == runs[1]


def happen(number, engine, seen, plan):
    seen.append((engine.now_s, number))
    plan()
