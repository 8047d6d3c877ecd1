"""A mesh whose heads are private, and one that tells nobody its statistics."""

from pathlib import Path

import attrs
import numpy as np
import trio

from gossipfl.models.layers import Dense, Tanh
from gossipfl.models.personalisation import Personalisation
from gossipfl.node.models.source import completed
from gossipfl.node.state.store import read_model
from gossipfl.trained import TrainedModel
from gossipfl.wire.messages import KnownMoments, MomentsUpdate, encode
from tests.simulation.cluster import MANIFEST, Cluster
from tests.simulation.insider import Insider, read_to_end
from tests.simulation.readings import clouds

PERSONAL = attrs.evolve(
    MANIFEST, layers=(Dense(3), Tanh()), personal=Personalisation(private=("head",))
)


def contrary(rng: np.random.Generator, nodes: int) -> list:
    """Every second node calls left right."""
    readings = [clouds(rng, 60) for _ in range(nodes)]
    return [
        attrs.evolve(each, targets=each.targets ^ (number % 2))
        for number, each in enumerate(readings)
    ]


async def test_heads_stay_home_and_only_the_rest_is_sent(autojump_clock, tmp_path: Path, rng):
    cluster = Cluster(tmp_path, contrary(rng, 4), manifest=PERSONAL)
    test = clouds(rng, 400)
    opposite = attrs.evolve(test, targets=test.targets ^ 1)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(80)
        for number, device in enumerate(cluster.devices):
            assert cluster.accuracy(device, (test, opposite)[number % 2]) > 0.85
            assert device.status()["private"] == ["Dense2"]
            assert device.parameters().shape == (PERSONAL.split().size,) == (9,)
            assert device.average().shape == (17,)
        await cluster.stop()
    for device in cluster.devices:
        for link in cluster.links(device).values():
            assert link.anchor.shape == (9,)


async def test_a_private_head_survives_a_restart(autojump_clock, tmp_path: Path, rng):
    cluster = Cluster(tmp_path, contrary(rng, 2), manifest=PERSONAL)
    device = cluster.devices[0]
    async with cluster.open():
        await cluster.start()
        await trio.sleep(30)
        await cluster.stop(device)
        saved = read_model(device.directory / "state.db", PERSONAL.id)
        assert saved is not None
        stored = TrainedModel(PERSONAL, completed(saved, PERSONAL), None).parameters
        await cluster.start(device)
        np.testing.assert_array_equal(device.average(), stored)
    assert not np.array_equal(stored[PERSONAL.split().private], PERSONAL.initial_model()[-8:])


async def test_local_statistics_are_told_to_nobody(autojump_clock, tmp_path: Path, rng):
    manifest = attrs.evolve(MANIFEST, standardise="local:feature")
    cluster = Cluster(tmp_path, [clouds(rng, 60), clouds(rng, 60)], manifest=manifest)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(20)
        for device in cluster.devices:
            (own,) = device.running._sharing.moments.entries()
            mean = device.readings.features.mean(0)
            np.testing.assert_allclose(own.mean, mean, rtol=1e-5)
            assert device.status()["exchanges"] > 0
        async with Insider(cluster).befriend(device) as link:
            await link.send(encode(KnownMoments(())))  # "tell me what I lack"
            assert not any(isinstance(each, MomentsUpdate) for each in await read_to_end(link))
        assert "statistics, which this cluster does not share" in device.reasons("link.down")
