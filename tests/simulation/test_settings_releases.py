"""Releases of settings in whole meshes: tried beside them, adopted by all or by nobody."""

from typing import Any, Final

import attrs
import trio

from gossipfl.central.settings import CoordinatorSettings
from gossipfl.learning.settings import TrainingSettings
from gossipfl.releases.publishing import Plan
from gossipfl.wire.releases import SETTINGS
from tests.simulation.cluster import Cluster, until
from tests.simulation.device import Device
from tests.simulation.readings import clouds
from tests.simulation.test_releases import GOOD, learn, mesh, phases

PLAN: Final = Plan(stages=(0.25, 0.5, 1.0), judge_s=10, tolerance=50)
SLOWER: Final = {"learning_rate": 0.05, "local_steps": 7, "batch_size": 8}
# Every step overshoots where the round began ten thousand times farther.
WILD: Final = {"learning_rate": 10.0, "proximal": 1000.0, "local_steps": 20}


def released(device: Device) -> dict[str, Any]:
    return device.status()["settings_release"] or {"phase": "none"}


def settings(device: Device) -> TrainingSettings:
    return device.running._studies.learner.settings


def stand(cluster: Cluster) -> set[str]:
    return {released(device)["phase"] for device in cluster.devices if device.agent is not None}


def trained_by(cluster: Cluster) -> set[TrainingSettings]:
    return {settings(device) for device in cluster.devices if device.agent is not None}


def worst(cluster: Cluster) -> float:
    return min(device.status()["accuracy"] for device in cluster.devices)


async def test_good_settings_reach_all_and_are_tried_by_copies(autojump_clock, tmp_path, rng):
    cluster = mesh(tmp_path, rng)
    agreed = cluster.manifest.training
    async with cluster.open():
        await learn(cluster)
        file = cluster.settings_release(1, PLAN, **SLOWER)
        await cluster.devices[3].running.take_release(file)
        await until(lambda: "trying" in stand(cluster), within_s=30)
        await trio.sleep(5)
        assert trained_by(cluster) == {agreed}  # nobody's own learner is touched yet
        await until(lambda: stand(cluster) == {"adopted"}, within_s=200)
        assert trained_by(cluster) == {attrs.evolve(agreed, **SLOWER)}
        assert all(d.count("settings.changed") == 1 for d in cluster.devices)
        assert phases(cluster) == {"none"}
        await trio.sleep(20)
        await until(lambda: worst(cluster) > 0.8, within_s=60)


async def test_bad_settings_end_in_their_first_slice_and_touch_no_model(
    autojump_clock, tmp_path, rng
):
    cluster = mesh(tmp_path, rng)
    async with cluster.open():
        await learn(cluster)
        await cluster.devices[0].running.take_release(cluster.settings_release(1, PLAN, **WILD))
        await until(lambda: stand(cluster) == {"rolled-back"}, within_s=60)
        assert 1 <= sum(d.count("settings.trying") > 0 for d in cluster.devices) <= 2
        assert not any(d.count("settings.changed") for d in cluster.devices)
        assert trained_by(cluster) == {cluster.manifest.training}
        assert released(cluster.devices[5])["stages"][0]["worse"]
        await until(lambda: worst(cluster) > 0.8, within_s=60)


async def test_settings_outlive_restarts_and_newcomers_get_those_in_force(
    autojump_clock, tmp_path, rng
):
    cluster = mesh(tmp_path, rng)
    new = attrs.evolve(cluster.manifest.training, **SLOWER)
    late, *others = cluster.devices
    async with cluster.open():
        await cluster.start(*others)
        await trio.sleep(20)
        await others[0].running.take_release(cluster.settings_release(1, PLAN, **SLOWER))
        await until(lambda: "trying" in stand(cluster), within_s=30)
        await cluster.kill(others[1])
        await cluster.start(others[1], late)
        newcomer = cluster.admit("newcomer", clouds(rng, 80))
        cluster.devices.append(newcomer)
        await until(lambda: stand(cluster) == {"adopted"}, within_s=300)
        await cluster.start(newcomer)
        await until(lambda: settings(newcomer) == new, within_s=60)
        await cluster.kill(others[2])
        await cluster.start(others[2])
        assert settings(others[2]) == new
        await trio.sleep(10)
        assert trained_by(cluster) == {new}


async def test_settings_are_taken_back_and_others_follow_in_their_place(
    autojump_clock, tmp_path, rng
):
    cluster = mesh(tmp_path, rng)
    agreed, quick = cluster.manifest.training, attrs.evolve(PLAN, judge_s=1, tolerance=1000)
    async with cluster.open():
        await learn(cluster)
        (first, second, *_) = cluster.devices
        await first.running.take_release(cluster.settings_release(1, quick, **SLOWER))
        await until(lambda: stand(cluster) == {"adopted"}, within_s=200)
        await second.running.take_release(cluster.withdrawal(2, 1, SETTINGS))
        await until(lambda: trained_by(cluster) == {agreed}, within_s=60)
        await until(lambda: stand(cluster) == {"withdrawn"}, within_s=60)
        await first.running.take_release(cluster.settings_release(3, quick, local_steps=2))
        await until(lambda: stand(cluster) == {"adopted"}, within_s=200)
        again = cluster.settings_release(4, PLAN, {"local_steps": 2}, **WILD)
        await second.running.take_release(again)
        await until(lambda: stand(cluster) == {"rolled-back"}, within_s=60)
        assert trained_by(cluster) == {attrs.evolve(agreed, local_steps=2)}


async def test_models_and_settings_are_released_side_by_side(autojump_clock, tmp_path, rng):
    cluster = mesh(tmp_path, rng)
    async with cluster.open():
        await learn(cluster)
        await cluster.devices[0].running.take_release(cluster.settings_release(1, PLAN, **SLOWER))
        await cluster.devices[1].running.take_release(cluster.release(1, GOOD, PLAN))
        await until(lambda: phases(cluster) == stand(cluster) == {"adopted"}, within_s=300)
        assert trained_by(cluster) == {attrs.evolve(cluster.manifest.training, **SLOWER)}
        assert all(d.count("release.adopted") == 1 for d in cluster.devices)
        await until(lambda: worst(cluster) > 0.8, within_s=60)


async def test_seeds_pass_settings_on(autojump_clock, tmp_path, rng):
    readings = [clouds(rng, 80) for _ in range(3)]
    cluster = Cluster(tmp_path, [*readings, CoordinatorSettings(deadline_s=5.0)], mdns=False)
    *nodes, seed = cluster.devices
    for device in nodes:
        device.config = attrs.evolve(
            device.config, peer=(seed.address,), hints=False, validation=0.5
        )
    async with cluster.open():
        await cluster.start()
        await until(lambda: {d.status()["mode"] for d in nodes} == {"central"}, within_s=60)
        cluster.devices = nodes
        file = cluster.settings_release(1, attrs.evolve(PLAN, stages=(0.5, 1.0)), **SLOWER)
        await seed.running.take_release(file)
        await until(lambda: stand(cluster) == {"adopted"}, within_s=200)
        assert trained_by(cluster) == {attrs.evolve(cluster.manifest.training, **SLOWER)}
        await until(lambda: released(seed)["phase"] == "adopted", within_s=60)
        cluster.devices = [*nodes, seed]
