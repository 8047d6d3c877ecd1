"""Fault scripts in virtual time."""

from typing import Any

import attrs
import numpy as np
import pytest

from gossipfl.errors import ConfigError
from gossipfl.faults.links import Cut, Heal, Loss, Slow
from gossipfl.faults.script import FaultScript, parse_script
from gossipfl.simulation.churn import Presence
from gossipfl.simulation.engine import Engine
from gossipfl.simulation.experiment import run
from gossipfl.simulation.faults import LESS, schedule_faults, without_meaning
from gossipfl.simulation.network import FRAME_OVERHEAD_BYTES, Conditions, Network
from gossipfl.wire.messages import Pong, Seed
from tests.simulator.task import experiment, rows


def script(*events: dict[str, Any]) -> FaultScript:
    return parse_script({"events": list(events)}, "f.toml")


HALVES = (
    {"at_s": 5, "do": "cut", "groups": [["0-3"], ["4-7"]]},
    {"at_s": 25, "do": "heal"},
)


def make_network(**conditions: float) -> tuple[Engine, Network, list[tuple[float, int, int]]]:
    """Every end tells (time, sender, itself) of what it got."""
    engine, got = Engine(), list[tuple[float, int, int]]()
    network = Network(engine, Conditions(**conditions), 3, set(), seed=1)
    for end in range(3):
        network.attach(
            end,
            lambda sender, _, end=end: got.append((engine.now_s, sender, end)),  # type: ignore[misc]
        )
    return engine, network, got


def test_cut_links_lose_everything_and_others_nothing() -> None:
    engine, network, got = make_network(latency_s=0.5)
    network.paths.apply(Cut(at_s=0, links=((0, 1),)))
    for way in ((0, 1), (1, 0), (0, 2)):
        network.send(*way, Pong())
    network.paths.apply(Heal(at_s=0))
    network.send(0, 1, Pong())
    engine.run_until(1.0)
    assert got == [(0.5, 0, 2), (0.5, 0, 1)]
    assert network.sent_frames[0] == 3


def test_slow_links_add_their_delay_and_take_the_lower_rate() -> None:
    engine, network, got = make_network(latency_s=0.5, bandwidth=100)
    network.paths.apply(Slow(at_s=0, delay_s=1.0, bytes_per_s=50, links=((0, 1),)))
    message = Seed(bytes(100 - 4 - FRAME_OVERHEAD_BYTES))
    network.send(0, 1, message)
    network.send(0, 1, message)
    network.send(0, 2, message)
    engine.run_until(10.0)
    assert got == [(1.5, 0, 2), (3.5, 0, 1), (5.5, 0, 1)]


def test_loss_is_as_often_as_it_should_be() -> None:
    engine, network, got = make_network()
    network.paths.apply(Loss(at_s=0, share=0.3))
    for _ in range(2000):
        network.send(0, 1, Pong())
    engine.run_until(1.0)
    assert len(got) == pytest.approx(1400, abs=80)


def test_nodes_are_away_from_kill_to_restart_whatever_churn_does() -> None:
    engine, presence = Engine(), Presence(2)
    events = script(
        {"at_s": 1, "do": "kill", "nodes": [0]}, {"at_s": 4, "do": "restart", "nodes": [0]}
    )
    schedule_faults(events, engine, presence, make_network()[1].paths, 10.0)
    seen = []
    for time_s in (0.5, 1, 3, 4):
        engine.run_until(time_s)
        presence.switch(0, True)
        seen.append(presence.is_online(0))
    assert seen == [True, False, False, True]


def test_a_cut_shows_in_the_mesh_and_heals() -> None:
    """Two halves with unlike data drift apart, and come together again."""
    plain = experiment(partition="shards:1", topology="complete", evaluate_every=5, rounds=60)
    unbroken = run(plain, rows())
    broken = run(attrs.evolve(plain, faults=script(*HALVES)), rows())
    assert [point.spread for point in broken.curve[:2]] == [
        point.spread for point in unbroken.curve[:2]
    ]
    apart, together = broken.curve[5], broken.curve[-1]
    assert apart.spread > 1.2 * unbroken.curve[5].spread
    assert apart.average.test.mean < unbroken.curve[5].average.test.mean
    assert together.average.test.mean >= unbroken.curve[-1].average.test.mean - 0.05


def test_equal_scripts_give_equal_runs_and_results_tell_the_script() -> None:
    faults = script(*HALVES, {"at_s": 3, "do": "loss", "share": 0.2})
    one, other = (run(experiment(faults=faults), rows()) for _ in range(2))
    assert one == other
    assert one != run(experiment(faults=script(*HALVES)), rows())
    told = one.plain()["experiment"]["faults"]
    assert parse_script({"events": told}, "again") == faults


def test_faults_leave_other_randomness_alone() -> None:
    """A script that touches nothing changes nothing."""
    idle = script({"at_s": 1, "do": "heal"}, {"at_s": 2, "do": "clock", "nodes": [1], "jump_s": 5})
    one, other = run(experiment(), rows()), run(experiment(faults=idle), rows())
    assert one.curve == other.curve
    np.testing.assert_array_equal(one.sent_bytes, other.sent_bytes)


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ({"at_s": 50, "do": "kill", "nodes": [0]}, "take more --rounds"),
        ({"at_s": 5, "do": "kill", "nodes": [8]}, "there is no node 8"),
    ],
)
def test_what_cannot_happen_is_refused(event: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        run(experiment(faults=script(event)), rows())


def test_what_means_less_here_is_told() -> None:
    assert without_meaning(script(*HALVES)) == []
    events = script(
        {"at_s": 0, "do": "mute"},
        {"at_s": 1, "do": "clock", "nodes": [0], "jump_s": 5},
        {"at_s": 2, "do": "pause", "nodes": [0]},
        {"at_s": 3, "do": "kill", "nodes": [0]},
        {"at_s": 4, "do": "restart", "nodes": [0]},
    )
    assert without_meaning(events) == list(LESS.values())
