"""A mesh some of whose nodes train on devices learns what one of ordinary nodes does."""

import numpy as np

from gossipfl.compression import DenseCodec, SparseCodec
from gossipfl.data.dataset import Dataset
from gossipfl.devices.relay import Relay
from gossipfl.gossip.anchored import AnchoredGossip
from gossipfl.gossip.exchange import Exchange
from gossipfl.gossip.link import LinkState
from gossipfl.gossip.replica import Replica
from gossipfl.learning.settings import TrainingSettings
from gossipfl.learning.training import Trainer, predict
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Sequential, perceptron
from gossipfl.wire.messages import Mismatch, Request

NODES, DEVICES, ROUNDS, INPUTS = 6, 3, 150, 8
SPEC = Sequential(*perceptron((12,)), Dense(NODES), shape=(INPUTS,), loss="cross-entropy")
SETTINGS = TrainingSettings(learning_rate=0.3, batch_size=16, local_steps=20)
INITIAL = SPEC.initial(0)
SPANS = tuple((start, stop) for _, start, stop in SPEC.tensors)
CODEC = SparseCodec(SPEC.parameters, SPANS, 0.05)
CENTRES = np.random.default_rng(8).normal(size=(NODES, INPUTS))


def clouds(rng: np.random.Generator, classes: np.ndarray) -> Dataset:
    """Rows around a centre a class."""
    features = CENTRES[classes] + rng.normal(0, 0.8, (len(classes), INPUTS))
    names = tuple(f"x{i}" for i in range(INPUTS))
    return Dataset(
        features=features.astype(np.float32), targets=classes, columns=names, source="test"
    )


class Node:
    """An ordinary node, most of whose rows are of one class."""

    def __init__(self, number: int) -> None:
        rng = np.random.default_rng(number)
        classes = np.where(rng.random(80) < 0.8, number, rng.integers(0, NODES, 80))
        self.number = number
        self.trainer = Trainer(SPEC, clouds(rng, classes), None, SETTINGS, seed=number)
        step_size = self.trainer.step_size
        self.replica = Replica(INITIAL, samples=80, step_size=step_size, activity=0.1)
        self.scheme = AnchoredGossip(CODEC, CODEC, INITIAL)
        self.links: dict[int, Exchange] = {}

    def link(self, other: int) -> Exchange:
        return self.links.setdefault(
            other,
            Exchange(
                LinkState(self.scheme.new_anchor()),
                self.scheme,
                link=bytes([other]),
                ours_first=self.number < other,
            ),
        )

    def learn(self) -> None:
        replica = self.replica
        start = replica.start().copy()
        fit = self.trainer.fit(start, replica.correction())
        replica.trained(start, fit.parameters, self.trainer.step_size)
        replica.end_round()

    def mix(self, other: "Node") -> None:
        request, _ = self.link(other.number).offer(self.replica)
        answer = other.link(self.number).receive(other.replica, request).answer
        assert answer is not None
        self.link(other.number).receive(self.replica, answer)

    def models(self) -> list[np.ndarray]:
        return [self.replica.average]


class Remote(Node):
    """One whose local steps a device makes, and the device."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        relay = Relay(CODEC, DenseCodec(SPEC.parameters), self.trainer.step_size)
        state = LinkState(relay.new_anchor())
        self.device = Exchange(state, relay, link=b"device", ours_first=True)
        self.device.receive(self.replica, Mismatch(0, b"\xff" * 8))
        self.residual = np.zeros_like(INITIAL)

    def learn(self) -> None:
        state = self.device.state
        fit = self.trainer.fit(state.anchor.copy(), np.zeros_like(INITIAL))
        self.residual += fit.parameters - state.anchor
        payload = CODEC.encode(self.residual)
        told = CODEC.decode(payload)
        self.residual[told.indices] -= told.values
        self.device.receive(
            self.replica, Request(state.sequence + 1, state.digest[:2], 0, 80, payload)
        )
        self.replica.end_round()

    def models(self) -> list[np.ndarray]:
        return [self.replica.average, self.device.state.anchor]


def accuracies(kinds: list[type[Node]]) -> list[float]:
    """Of all models, after every node has made its rounds."""
    nodes = [kind(number) for number, kind in enumerate(kinds)]
    rng = np.random.default_rng(1)
    test = clouds(rng, np.arange(1200) % NODES)
    for _ in range(ROUNDS):
        for number in rng.permutation(NODES):
            nodes[number].learn()
            nodes[number].mix(nodes[(number + rng.integers(1, NODES)) % NODES])
    models = [model for node in nodes for model in node.models()]
    return [
        float((predict(SPEC, each, test.features).argmax(1) == test.targets).mean())
        for each in models
    ]


def test_a_mesh_with_devices_learns_what_one_without_does() -> None:
    ordinary = np.mean(accuracies([Node] * NODES))
    found = accuracies([Remote] * DEVICES + [Node] * (NODES - DEVICES))
    assert min(found) > ordinary - 0.02
