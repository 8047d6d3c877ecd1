"""Limits on bytes in whole runs: kept, and the mesh still learns."""

import pytest

from gossipfl.errors import ConfigError
from gossipfl.gossip.allowance import DAY_S, Limits
from gossipfl.simulation.experiment import run
from tests.simulator.task import experiment, manifest, rows


def test_messages_shrink_and_the_mesh_still_learns():
    generous = {"manifest": manifest(keep_ratio=0.4), "rounds": 120, "evaluate_every": 40}
    free, limited = (
        run(experiment(limits=limits, **generous), rows())
        for limits in (Limits(), Limits(max_message_bytes=64))
    )
    assert sum(free.sent_bytes) / free.frames > 64 > sum(limited.sent_bytes) / limited.frames
    assert limited.curve[-1].average.test.mean > 0.9


@pytest.mark.parametrize("interval_s", [10.0, 600.0])
def test_a_day_costs_what_it_may(interval_s):
    """Whether rounds are many, and most pass without a message, or few and all are afforded."""
    rounds, day = 240, 300_000
    world = {"rounds": rounds, "interval_s": interval_s, "evaluate_every": rounds}
    found = run(experiment(limits=Limits(bytes_per_day=day), **world), rows())
    free = run(experiment(**world), rows())
    allowed = day * rounds * interval_s / DAY_S
    assert max(found.sent_bytes) <= allowed
    assert min(found.sent_bytes) > 0.7 * min(allowed, *free.sent_bytes)
    assert found.curve[-1].average.test.mean > 0.9


def test_limits_are_for_our_scheme():
    with pytest.raises(ConfigError, match="baseline"):
        run(experiment(algorithm="dpsgd", limits=Limits(max_message_bytes=100)), rows())
    plain = experiment(manifest=manifest(scheme="plain"), limits=Limits(max_message_bytes=100))
    with pytest.raises(ConfigError, match="whole models"):
        run(plain, rows())
