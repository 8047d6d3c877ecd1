"""A node keeps the model that did best on its own readings, and may rest when none is better."""

import attrs
import trio

from gossipfl.learning.settings import TrainingSettings
from tests.simulation.cluster import MANIFEST, Cluster, settle
from tests.simulation.readings import skewed

# Steps so large that looks without progress come early and often.
RESTLESS = attrs.evolve(MANIFEST, training=TrainingSettings(learning_rate=2.0, batch_size=4))


async def test_the_best_model_survives_a_restart(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 3), validation=0.4)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(30)
        await settle()
        kept = [device.running.answers.model()["best"] for device in cluster.devices]
        losses = [device.status()["best_validation_loss"] for device in cluster.devices]
        for device, loss in zip(cluster.devices, losses, strict=True):
            assert 0 < loss <= device.status()["validation_loss"]
        await cluster.stop()
        for device in cluster.devices:
            device.config = attrs.evolve(device.config, interval_s=1e9)
        await cluster.start()
        assert [device.running.answers.model()["best"] for device in cluster.devices] == kept
        assert [device.status()["best_validation_loss"] for device in cluster.devices] == losses


async def test_a_node_rests_and_resumes_but_never_stops_mixing(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 3), manifest=RESTLESS, stop_after=1, validation=0.4)
    first = cluster.devices[0]
    rested = 0
    async with cluster.open():
        await cluster.start()
        for _ in range(300):
            before, steps = first.status(), first.running._studies.learner._step
            await trio.sleep(1)
            after = first.status()
            if before["state"] == after["state"] == "resting":
                assert first.running._studies.learner._step == steps
                rested += after["exchanges"] - before["exchanges"]
        # With other readings to judge by, the search for the best begins anew.
        resumed = first.count("training.resumed")
        assert first.status()["state"] == "resting"
        watch = first.running._best
        watch.kept = attrs.evolve(watch.kept, inputs=b"others")
        await trio.sleep(5)
        assert first.count("training.resumed") > resumed
    assert rested > 10
