"""Virtual time runs forwards, and ties break by order of scheduling."""

from functools import partial

import pytest

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
    with pytest.raises(LocalProtocolError):
        Engine().schedule(delay_s, print)
