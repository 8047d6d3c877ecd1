"""Nodes that differ: what each keeps to itself makes its own rows easier to tell."""

import attrs
import numpy as np
import pytest

from gossipfl.data.dataset import Dataset
from gossipfl.models.layers import Dense, LayerNorm, ReLU
from gossipfl.models.personalisation import Personalisation
from gossipfl.simulation.experiment import run
from gossipfl.simulation.population import Rows, split_rows
from tests.simulator.task import CLASSES, clouds, experiment, manifest

NODES = 6
LAYERS = (Dense(16), LayerNorm(), ReLU())


def by_group(data: Dataset) -> Rows:
    return split_rows(data, None, np.arange(len(data)) % NODES, 0.1, seed=0)


def own_words() -> Rows:
    """Every node names the classes in an order of its own."""
    data, rng = clouds(rows=900), np.random.default_rng(5)
    orders = np.array([rng.permutation(CLASSES) for _ in range(NODES)])
    return by_group(attrs.evolve(data, targets=orders[np.arange(len(data)) % NODES, data.targets]))


def own_sensors() -> Rows:
    """Every node's sensors have gains and offsets of their own."""
    data, rng = clouds(rows=900), np.random.default_rng(5)
    shape = (NODES, data.features.shape[1])
    gains, offsets = np.exp(1.5 * rng.normal(size=shape)), 6 * rng.normal(size=shape)
    node = np.arange(len(data)) % NODES
    features = (data.features * gains[node] + offsets[node]).astype("f4")
    return by_group(data.with_features(features, data.columns))


def own_accuracy(rows: Rows, algorithm: str = "gossip", **changes: object) -> float:
    found = run(
        experiment(
            manifest=manifest(layers=LAYERS, **changes),
            nodes=NODES,
            partition="by-group",
            own_validation=0.2,
            algorithm=algorithm,
            rounds=60,
            evaluate_every=60,
        ),
        rows,
    )
    own = found.curve[-1].own
    assert own is not None
    return own.mean


@pytest.mark.parametrize("algorithm", ["gossip", "fedavg"])
@pytest.mark.parametrize("steps", [0, 3])
def test_a_private_head_tells_classes_in_the_nodes_own_words(steps, algorithm):
    personal = Personalisation(private=("head",), private_steps=steps)
    shared = own_accuracy(own_words(), algorithm)
    assert own_accuracy(own_words(), algorithm, personal=personal) > shared + 0.2


def test_fine_tuning_helps_where_everything_is_shared():
    shared = own_accuracy(own_words())
    assert own_accuracy(own_words(), personal=Personalisation(fine_tune=60)) > shared + 0.2


def test_local_statistics_and_private_norms_even_out_sensors():
    shared = own_accuracy(own_sensors())
    local = own_accuracy(
        own_sensors(),
        standardise="local:feature",
        personal=Personalisation(private=("norm",)),
    )
    assert local > shared + 0.1
