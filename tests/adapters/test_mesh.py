"""Whole meshes of foreign models: in virtual time, and as real processes with a Flower app."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import trio

from gossipfl.adapters.frameworks import find_arrays, make_learner
from gossipfl.adapters.surroundings import NodeContext
from gossipfl.foreign import ForeignManifest
from gossipfl.node.harness.swarm import Swarm
from gossipfl.node.harness.views import View
from gossipfl.topologies.complete import Complete
from tests.simulation.cluster import Cluster

NODES = 3
PATIENCE_S = 600.0


def context(number: int, nodes: int) -> NodeContext:
    return NodeContext(number, {"partition-id": number, "num-partitions": nodes}, {"lr": 0.5})


def numpy_cluster(path: Path, **settings) -> Cluster:
    source = "numpy_app:client_fn"
    manifest = ForeignManifest(
        cluster="lab",
        framework="numpy-client",
        arrays=find_arrays("numpy-client", source, None, context(0, NODES)),
        keep_ratio=0.1,
    )
    learners = [make_learner(manifest, source, context(i, NODES)) for i in range(NODES)]
    return Cluster(path, learners, manifest=manifest, **settings)


async def accuracies(cluster: Cluster, seconds: float) -> list[float]:
    async with cluster.open():
        await cluster.start()
        await trio.sleep(seconds)
        return [device.status()["accuracy"] for device in cluster.devices]


async def test_a_mesh_of_numpy_clients_learns_what_no_lone_one_can(
    autojump_clock, examples, tmp_path
):
    mesh = await accuracies(numpy_cluster(tmp_path / "mesh"), 150)
    lone = await accuracies(numpy_cluster(tmp_path / "lone", mdns=False), 150)
    assert min(mesh) > 0.85
    assert min(mesh) > max(lone) + 0.15


async def test_a_round_that_fails_is_told_and_the_next_one_goes_on(
    autojump_clock, examples, tmp_path
):
    cluster = numpy_cluster(tmp_path)
    (broken, *_) = cluster.devices
    model, calls = broken.readings._model, []
    train, evaluate = model.train, model.evaluate

    def failing(function):
        def fail_at_times(arrays):
            calls.append(function)
            if len(calls) % 5 == 0:  # in turn the one and the other, however many a round makes
                raise OSError("the sensor is gone")
            return function(arrays)

        return fail_at_times

    model.train, model.evaluate = failing(train), failing(evaluate)
    await accuracies(cluster, 40)
    failed = [e["error"] for e in broken.events if e["event"] == "training.failed"]
    judged = [e["error"] for e in broken.events if e["event"] == "evaluation.failed"]
    assert failed
    assert judged
    assert all("OSError: the sensor is gone" in error for error in failed + judged)
    assert broken.count("round") > 5
    assert broken.count("link.down") == 2  # when all were stopped


async def test_local_arrays_and_the_model_survive_a_crash(autojump_clock, examples, tmp_path):
    cluster = numpy_cluster(tmp_path, checkpoint_interval_s=1.0)
    (victim, *_) = cluster.devices
    async with cluster.open():
        await cluster.start()
        await trio.sleep(30)
        await cluster.kill(victim)
        await cluster.start(victim)
        assert victim.status()["rounds"] > 10


@pytest.fixture
def directory():
    """Shorter than tmp_path: the names of sockets are bounded."""
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as path:
        yield Path(path)


async def test_two_processes_with_a_flower_app(examples, flwr, directory, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("PYTHONPATH", str(Path(sys.modules["gossipfl"].__file__).parents[1]))
    arrays = find_arrays("flower", "flower_app:app", "task:Net", context(0, 2))
    manifest = ForeignManifest(
        cluster="lab", framework="flower", arrays=arrays, keep_ratio=0.1, seed=1
    )
    app = ("--flower", "flower_app:app", "--run-config", "lr=0.1")
    own = [f"partition-id={number} num-partitions=2" for number in range(2)]
    swarm = Swarm(directory, manifest, [(*app, "--node-config", each) for each in own])
    swarm.link_by_topology(Complete())
    with trio.fail_after(PATIENCE_S):
        async with swarm.running("--interval-s", "0.1", "--seed", "1"):
            views: list[View] = []
            while not views or min(known(view) for view in views) < 0.8:
                await trio.sleep(0.5)
                views = await swarm.views()
    assert all(view.status["samples"] == 300 for view in views)
    assert all(view.status["exchanges"] > 0 for view in views)
    assert max(alone(manifest, number) for number in range(2)) < 0.7


def known(view: View) -> float:
    return view.status["accuracy"] or 0.0


def alone(manifest: ForeignManifest, number: int) -> float:
    """Accuracy of a node that meets nobody, after many rounds."""
    sys.modules["torch"].manual_seed(0)
    learner = make_learner(manifest, "flower_app:app", context(number, 2))
    parameters = manifest.initial()
    for _ in range(60):
        parameters = learner.fit(parameters, np.zeros_like(parameters)).parameters
    return learner.evaluate(parameters).accuracy
