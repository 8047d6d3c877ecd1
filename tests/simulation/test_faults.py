"""Bad networks and dead batteries: exchanges stay exactly once, nobody starts over."""

from pathlib import Path
from typing import Final

import attrs
import numpy as np
import pytest
import trio

from gossipfl.transports.faults import Faults
from tests.simulation.checks import assert_links_agree, seeded
from tests.simulation.cluster import SEED, Cluster, settle, until
from tests.simulation.device import Device
from tests.simulation.readings import clouds, skewed

BAD: Final = Faults(delay_s=0.02, jitter_s=0.05, loss=0.2, duplicate=0.1, reorder=0.1, hold_s=0.3)


async def test_a_fifth_of_all_frames_lost(autojump_clock, tmp_path, rng):
    test = clouds(rng, 500)
    cluster = Cluster(tmp_path, skewed(rng, 5), seed=SEED + 1, faults=BAD)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(200)
        # The correction may have overshot while frames were missing; it takes its time to unwind.
        await until(
            lambda: min(cluster.accuracy(device, test) for device in cluster.devices) > 0.88,
            within_s=1500,
        )
        assert min(device.status()["exchanges"] for device in cluster.devices) > 50
        assert [device.status()["links_seeded"] for device in cluster.devices] == [0] * 5
        await settle()
        await cluster.stop()
    assert seeded(cluster) == [0] * 5
    assert_links_agree(cluster)


@pytest.mark.parametrize("case", range(6))
async def test_killed_at_a_random_moment(autojump_clock, tmp_path, rng, case):
    """On a network that keeps frames for a while, so that some are lost with the power."""
    rng = np.random.default_rng([SEED, case])
    cluster = Cluster(
        tmp_path,
        skewed(rng, 4),
        seed=SEED + case,
        faults=Faults(delay_s=0.05, jitter_s=0.2),
        interval_s=0.3,
        resend_s=1.0,
        checkpoint_interval_s=2.0,
    )
    async with cluster.open():
        await cluster.start()
        await trio.sleep(20)
        for _ in range(6):
            await trio.sleep(float(rng.uniform(0, 5)))
            await kill_and_restart(cluster, cluster.devices[int(rng.integers(4))])
        await trio.sleep(20)
        assert [device.status()["links_seeded"] for device in cluster.devices] == [0] * 4
        await cluster.stop()
    assert seeded(cluster) == [0] * 4
    assert_links_agree(cluster)


async def kill_and_restart(cluster: Cluster, device: Device) -> None:
    """What comes back is at most a checkpoint interval old."""
    rounds, exchanges = device.status()["rounds"], device.status()["exchanges"]
    seen = device.count("round")
    await cluster.kill(device)
    await cluster.start(device)
    resumed = device.status()["rounds"]
    # Rounds come every 0.3 s on average and are kept every 2 s: 30 behind would be no accident.
    assert rounds - 30 <= resumed <= rounds
    assert resumed > 0
    assert exchanges >= 0
    await until(lambda: device.count("round") > seen, within_s=10)


async def test_a_model_survives_a_kill(autojump_clock, tmp_path, rng):
    """Increments of exchanges after the last checkpoint are replayed, so nothing is mixed twice."""
    cluster = Cluster(tmp_path, skewed(rng, 3), checkpoint_interval_s=1e6)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(3)
        victim = cluster.devices[0]
        # Exchanges only from here on: training that no checkpoint has seen may be lost.
        await cluster.stop()
        victim.config = attrs.evolve(victim.config, interval_s=1e9)
        await cluster.start()
        await trio.sleep(20)
        await settle()
        before = victim.parameters()
        await cluster.kill(victim)
        await cluster.start(victim)
        # Displacements are added in the same order to the same numbers.
        np.testing.assert_array_equal(victim.parameters(), before)


async def test_slow_disks_never_send_what_a_crash_would_forget(autojump_clock, tmp_path, rng):
    """Writes take longer than a repetition; each kill falls into one of them."""
    cluster = Cluster(tmp_path, skewed(rng, 3), interval_s=0.3, resend_s=0.5)
    for device in cluster.devices:
        device.disk_s = 1.3
    async with cluster.open():
        await cluster.start()
        for _ in range(8):
            await trio.sleep(float(rng.uniform(3, 8)))
            await cluster.kill(cluster.devices[int(rng.integers(3))])
            await cluster.start(*(each for each in cluster.devices if each.agent is None))
        await trio.sleep(10)
        assert min(device.status()["exchanges"] for device in cluster.devices) > 0
    assert seeded(cluster) == [0] * 3


async def test_a_wiped_disk_seeds_its_links_and_goes_on(autojump_clock, tmp_path, rng):
    test = clouds(rng, 500)
    cluster = Cluster(tmp_path, skewed(rng, 4))
    victim = cluster.devices[1]
    async with cluster.open():
        await cluster.start()
        await trio.sleep(60)
        await cluster.stop(victim)
        cluster.wipe(victim)
        await cluster.start(victim)
        assert victim.status()["rounds"] == 0
        await trio.sleep(80)
        await settle()
        await until(lambda: cluster.accuracy(victim, test) > 0.88, within_s=60)
        assert victim.status()["links_seeded"] == len(victim.neighbours()) == 3
        # One seed a link is enough.
        assert [device.count("link.seeded") for device in cluster.devices] == [1, 3, 1, 1]
        assert min(device.status()["exchanges"] for device in cluster.devices) > 20
        await cluster.stop()
    assert_links_agree(cluster)


async def test_a_full_disk_does_not_stop_the_mesh(autojump_clock, tmp_path, rng, monkeypatch):
    """It says so, goes on in memory, and writes what waits once there is room."""
    cluster = Cluster(tmp_path, skewed(rng, 3))
    victim = cluster.devices[0]
    async with cluster.open():
        await cluster.start()
        await trio.sleep(10)
        exchanges = victim.status()["exchanges"]
        fill(victim, monkeypatch)
        await trio.sleep(20)
        assert victim.count("state.write_failed") > 1
        assert victim.status()["exchanges"] > exchanges + 5
        monkeypatch.undo()
        await trio.sleep(20)
        before = victim.status()["rounds"]
        await cluster.kill(victim)
        await cluster.start(victim)
        assert victim.status()["rounds"] > before - 10
        await trio.sleep(20)
    assert seeded(cluster) == [0] * 3


def fill(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on its disk takes nothing."""
    from gossipfl.errors import StateError

    def refuse(items: object) -> None:
        raise StateError("cannot write: disk full; free some space")

    monkeypatch.setattr(device.store, "write", refuse)


async def test_lost_frames_of_a_request_are_repeated_not_renewed(autojump_clock, tmp_path: Path):
    """One direction is dead for a while: the open request stays what it was."""
    rng = np.random.default_rng(SEED)
    cluster = Cluster(tmp_path, skewed(rng, 2), probe_interval_s=1e6)
    one, other = cluster.devices
    async with cluster.open():
        await cluster.start()
        await trio.sleep(10)
        before = one.status()["exchanges"]
        cluster.network.impair(one.address, other.address, Faults(loss=1.0))
        await trio.sleep(60)
        # Requests of the other still arrive, and each is answered in vain.
        assert one.status()["exchanges"] <= before + 1
        cluster.network.impair(one.address, other.address, Faults())
        await trio.sleep(60)
        assert one.status()["exchanges"] > before + 20
        await settle()
        await cluster.stop()
    assert seeded(cluster) == [0, 0]
    assert_links_agree(cluster)
