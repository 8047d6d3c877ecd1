"""Fault scripts happen to whole agents: they live through them, and every run can be repeated."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import trio
import trio.testing

from gossipfl.data.dataset import Dataset
from gossipfl.faults.script import FaultScript, parse_script
from gossipfl.transports.faults import Faults
from tests.simulation.checks import assert_links_agree, seeded
from tests.simulation.cluster import SEED, Cluster, settle, until
from tests.simulation.readings import clouds, skewed
from tests.simulation.scripted import draw_script, play

NODES: Final = 5
FAST: Final = {
    "interval_s": 0.3,
    "resend_s": 1.0,
    "probe_interval_s": 1.0,
    "probe_timeout_s": 0.5,
    "shuffle_interval_s": 10.0,
}
EVERYTHING: Final = [
    {"at_s": 2, "do": "slow", "delay_s": 0.1, "jitter_s": 0.1, "bytes_per_s": 20_000},
    {"at_s": 4, "do": "kill", "nodes": [0]},
    {"at_s": 5, "do": "loss", "share": 0.2, "nodes": [1]},
    {"at_s": 6, "do": "pause", "nodes": [2]},
    {"at_s": 7, "do": "clock", "nodes": [3], "jump_s": 600},
    {"at_s": 8, "do": "restart", "nodes": [0]},
    {"at_s": 10, "do": "cut", "groups": [[0, 1], ["2-4"]]},
    {"at_s": 12, "do": "resume", "nodes": [2]},
    {"at_s": 14, "do": "restart", "nodes": [4]},
    {"at_s": 20, "do": "heal"},
]


def script(*events: dict[str, Any]) -> FaultScript:
    return parse_script({"events": list(events)}, "the test")


def run(path: Path, seed: int, events: list[dict[str, Any]]) -> str:
    """The hash over everything that all nodes reported."""

    async def main() -> None:
        async with cluster.open():
            await cluster.start()
            await play(script(*events), cluster)
            await trio.sleep(5)

    cluster = Cluster(path, skewed(np.random.default_rng(1), NODES), seed=seed, **FAST)
    trio._core._run._r.seed(5)
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert len(cluster.trace) > 100
    return cluster.digest()


def test_a_scripted_run_repeats_event_for_event(tmp_path: Path) -> None:
    assert run(tmp_path / "a", 3, EVERYTHING) == run(tmp_path / "b", 3, EVERYTHING)


def test_another_seed_or_script_is_another_run(tmp_path: Path) -> None:
    """The control: hashes that could not differ would prove nothing."""
    first = run(tmp_path / "a", 3, EVERYTHING)
    assert run(tmp_path / "b", 4, EVERYTHING) != first
    assert run(tmp_path / "c", 3, EVERYTHING[:-2]) != first


async def test_two_halves_heal(autojump_clock, tmp_path, rng):
    """Cut for so long that every link is dropped; all come back as they were."""
    cluster = Cluster(tmp_path, skewed(rng, NODES), **FAST)
    async with cluster.open():
        await cluster.start()
        await until(lambda: len(cluster.groups()) == 1, within_s=30)
        cut = {"at_s": 0, "do": "cut", "groups": [[0, 1], ["2-4"]]}
        await play(script(cut), cluster)
        await until(lambda: len(cluster.groups()) == 2, within_s=30)
        await play(script({"at_s": 0, "do": "heal"}), cluster)
        await until(lambda: len(cluster.groups()) == 1, within_s=300)
    assert seeded(cluster) == [0] * NODES


async def test_a_paused_node_does_nothing_and_loses_nothing(autojump_clock, tmp_path, rng):
    patient = {"probe_interval_s": 1e5, "shuffle_interval_s": 1e5}
    cluster = Cluster(tmp_path, skewed(rng, 3), **FAST | patient)
    device = cluster.devices[0]
    standstill = script(
        {"at_s": 0, "do": "pause", "nodes": [0]}, {"at_s": 20, "do": "resume", "nodes": [0]}
    )
    async with cluster.open(), trio.open_nursery() as nursery:
        await cluster.start()
        await until(lambda: len(device.neighbours()) == 2, within_s=30)
        nursery.start_soon(play, standstill, cluster)
        await settle()
        before = device.status()
        await trio.sleep(19)
        during = device.status()
        assert during["rounds"] == before["rounds"]
        assert during["sent_frames"] == before["sent_frames"]
        await trio.sleep(20)
        assert device.status()["rounds"] > before["rounds"] + 20
        assert device.count("link.down") == 0


def worst_accuracy(cluster: Cluster, test: Dataset) -> float:
    return min(cluster.accuracy(device, test) for device in cluster.devices)


def control_sum(cluster: Cluster) -> float:
    """Of all nodes, which have equally many rows; nothing but what open exchanges have moved."""
    controls = np.array([device.control() for device in cluster.devices])
    assert np.abs(controls).max() > 0.01
    return float(np.abs(controls.sum(0)).max())


async def live_through(path: Path, case: int) -> None:
    """A drawn script, then quiet: all are linked, learn again, and no link had to start over.

    Nor has any cut, crash or restart left the control variates with a sum.  The script begins when
    all have learnt: control variates are largest before, and who is away then lets others run off
    too far to be back soon (ARCHITECTURE.md, The exchange).
    """
    rng = np.random.default_rng([SEED, case])
    drawn = draw_script(rng, NODES, events=12, end_s=40.0)
    for event in drawn.events:
        print(f"{event.at_s:6.2f} s: {event}")  # shown on failure
    cluster = Cluster(path, skewed(rng, NODES), seed=case, faults=Faults(delay_s=0.02), **FAST)
    async with cluster.open():
        await cluster.start()
        test = clouds(rng, 500)
        await until(lambda: worst_accuracy(cluster, test) > 0.85, within_s=60)
        await trio.sleep(20)
        await play(drawn, cluster)
        await until(lambda: len(cluster.groups()) == 1, within_s=300)
        before = [device.status()["exchanges"] for device in cluster.devices]
        await trio.sleep(30)
        after = [device.status()["exchanges"] for device in cluster.devices]
        assert all(new > old + 10 for new, old in zip(after, before, strict=True))
        await until(lambda: worst_accuracy(cluster, test) > 0.85, within_s=800)
        await until(lambda: control_sum(cluster) < 1e-4, within_s=60)
        await settle()
        await cluster.stop()
    assert seeded(cluster) == [0] * NODES
    assert_links_agree(cluster)


@pytest.mark.parametrize("case", range(4))
async def test_agents_live_through_whatever_comes(autojump_clock, tmp_path, case):
    await live_through(tmp_path, case)


@pytest.mark.soak
@pytest.mark.parametrize("case", range(4, 200))
async def test_agents_live_through_much_more(autojump_clock, tmp_path, case):
    await live_through(tmp_path, case)
