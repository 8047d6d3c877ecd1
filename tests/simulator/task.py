"""A small task that every algorithm learns in a second: four clouds of points."""

from typing import Any

import numpy as np

from gossipfl.data.dataset import Dataset
from gossipfl.data.schema import Schema
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.simulation.churn import Presence
from gossipfl.simulation.engine import Engine
from gossipfl.simulation.experiment import Experiment
from gossipfl.simulation.network import Conditions, Network
from gossipfl.simulation.population import Rows, populate, split_rows
from gossipfl.simulation.views import Views
from gossipfl.simulation.world import World
from gossipfl.topologies.named import parse_topology

FEATURES, CLASSES = 6, 4


def clouds(rows: int = 400, seed: int = 3) -> Dataset:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLASSES, FEATURES))
    targets = rng.integers(CLASSES, size=rows)
    features = (2 * centres[targets] + rng.normal(size=(rows, FEATURES))).astype("f4")
    columns = tuple(f"x{i}" for i in range(FEATURES))
    return Dataset(features=features, targets=targets, columns=columns, source="clouds")


def rows() -> Rows:
    return split_rows(clouds(), None, None, 0.2, seed=0)


def manifest(**changes: Any) -> Manifest:
    settings: dict[str, Any] = {
        "cluster": "clouds",
        "schema": Schema(columns=FEATURES, target="y", classes=tuple("abcd")),
        "layers": perceptron((16,)),
        "keep_ratio": 0.1,
        "training": TrainingSettings(learning_rate=0.1, local_steps=3),
    }
    return Manifest(**settings | changes)


def make_world(
    model: Manifest, nodes: int, topology: str, data: Rows | None = None, **conditions: float
) -> World:
    """A world without churn, at the start."""
    engine, presence, graph = Engine(), Presence(nodes), parse_topology(topology)
    return World(
        engine=engine,
        network=Network(engine, Conditions(**conditions), nodes + 1, presence.away, 1),
        presence=presence,
        views=Views(graph, nodes, engine, renew_s=float(graph.period(nodes) != 1)),
        spec=model.model(),
        initial=model.initial(),
        members=populate(model, data or rows(), "dirichlet:0.5", nodes, 1),
        intervals_s=[1.0] * nodes,
        seed=1,
    )


def experiment(**changes: Any) -> Experiment:
    settings: dict[str, Any] = {"manifest": manifest(), "nodes": 8, "rounds": 40}
    return Experiment(**settings | changes)
