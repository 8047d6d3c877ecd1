"""Nodes are away for the share of time that was asked for, or exactly when a trace says."""

import numpy as np
import pytest

from gossipfl.errors import ConfigError
from gossipfl.simulation.churn import OnOff, Presence, Trace
from gossipfl.simulation.engine import Engine


def test_on_off_reaches_its_share():
    engine, presence = Engine(), Presence(50)
    OnOff(share=0.3, away_s=5).start(engine, presence, np.random.default_rng(0))
    seen = []
    for time_s in range(400):
        engine.run_until(time_s)
        seen.append(1 - sum(presence.online) / 50)
    assert np.mean(seen) == pytest.approx(0.3, abs=0.02)
    assert min(seen) > 0


def test_no_share_means_no_event():
    engine = Engine()
    OnOff(share=0).start(engine, Presence(3), np.random.default_rng(0))
    engine.run_until(1e6)
    assert engine.events == 0


def test_a_trace_is_followed():
    engine, presence = Engine(), Presence(2)
    trace = Trace([(5.0, 1, True), (2.0, 1, False)])
    trace.start(engine, presence, np.random.default_rng(0))
    seen = []
    for time_s in (1, 2, 4, 5):
        engine.run_until(time_s)
        seen.append(presence.is_online(1))
    assert seen == [True, False, False, True]
    assert presence.is_online(2)  # a coordinator


@pytest.mark.parametrize("switch", [(1.0, 2, True), (-1.0, 0, True)])
def test_a_trace_of_no_such_node_is_refused(switch):
    with pytest.raises(ConfigError, match="no such moment"):
        Trace([switch]).start(Engine(), Presence(2), np.random.default_rng(0))
