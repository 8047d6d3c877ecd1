"""Each baseline keeps the promise of its paper, counts its bytes, and learns."""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import pytest

from gossipfl.compression import DenseCodec, SparseCodec
from gossipfl.data.schema import Schema
from gossipfl.errors import ConfigError
from gossipfl.learning.settings import TrainingSettings
from gossipfl.simulation.algorithms import PLAIN, TUNED, make_baseline
from gossipfl.simulation.baselines.choco import Choco
from gossipfl.simulation.baselines.deepsqueeze import DeepSqueeze
from gossipfl.simulation.baselines.dpsgd import DPSGD
from gossipfl.simulation.baselines.epidemic import Epidemic
from gossipfl.simulation.baselines.fedavg import FedAvg
from gossipfl.simulation.baselines.hegedus import Hegedus, Partitioned, Subsample
from gossipfl.simulation.baselines.ormandi import Ormandi
from gossipfl.simulation.baselines.push_sum import PushSum
from gossipfl.simulation.baselines.quasi_global import QuasiGlobal
from gossipfl.simulation.baselines.tokens import CAPACITY, TokenAccounts
from gossipfl.simulation.envelope import seal
from gossipfl.simulation.experiment import run
from gossipfl.simulation.network import Conditions
from gossipfl.simulation.population import Rows
from gossipfl.simulation.world import Algorithm, World
from gossipfl.topologies.base_graph import BaseGraph
from tests.simulator.task import FEATURES, experiment, make_world, manifest, rows

NODES = 8
# Steps of no size: what is left is the averaging alone.
STILL = TrainingSettings(learning_rate=1e-12, local_steps=1)
SIZE = manifest().model().parameters


class Averaging:
    """An algorithm on models that start apart and do not train."""

    def __init__(self, algorithm: Algorithm, topology: str = "ring", **conditions: float) -> None:
        self.world: World = make_world(manifest(training=STILL), NODES, topology, **conditions)
        rng = np.random.default_rng(0)
        for member in self.world.members:
            member.replica.parameters[:] = rng.normal(size=SIZE)
        algorithm.start(self.world)
        self.start = self.models()

    def models(self) -> np.ndarray:
        return np.stack([member.replica.parameters for member in self.world.members]).astype("f8")

    def after(self, rounds: int) -> np.ndarray:
        self.world.engine.run_until(rounds - 0.01)
        return self.models()

    def spread(self) -> float:
        models = self.models()
        return float(np.linalg.norm(models - models.mean(0)))


def codec(keep_ratio: float = 0.2) -> SparseCodec:
    tensors = tuple((start, stop) for _, start, stop in manifest().model().tensors)
    return SparseCodec(SIZE, tensors, keep_ratio=keep_ratio)


@pytest.mark.parametrize(
    ("algorithm", "rounds"),
    [
        (DPSGD(), 60),
        (PushSum(), 6),
        (Epidemic(3, oracle=True), 20),
        (Choco(codec(), 0.3), 200),
        (Choco(DenseCodec(SIZE), 1.0), 60),
        (DeepSqueeze(DenseCodec(SIZE), 1.0), 60),
        (QuasiGlobal(0.0), 60),
    ],
    ids=lambda value: type(value).__name__,
)
def test_averaging_keeps_the_mean_and_reaches_consensus(algorithm, rounds):
    averaging = Averaging(algorithm)
    mean, before = averaging.start.mean(0), averaging.spread()
    models = averaging.after(rounds)
    assert np.allclose(models.mean(0), mean, atol=1e-4)
    assert averaging.spread() < 0.01 * before


@pytest.mark.parametrize("algorithm", [Epidemic(3, oracle=False), Hegedus(Subsample(0.5))])
def test_averaging_without_a_kept_mean_still_reaches_consensus(algorithm):
    averaging = Averaging(algorithm, "random:4")
    before = averaging.spread()
    averaging.after(60)
    assert averaging.spread() < 0.02 * before


def test_a_schedule_of_finite_time_makes_dpsgd_agree_in_its_period():
    averaging = Averaging(DPSGD(), "base:2")
    mean = averaging.start.mean(0)
    assert np.allclose(averaging.after(BaseGraph(2).period(NODES)), mean, atol=1e-5)


def test_dpsgd_without_compression_is_choco_with_step_one():
    first, second = Averaging(DPSGD()), Averaging(Choco(DenseCodec(SIZE), 1.0))
    # CHOCO's public copies start at the initial model, and are exact after one message.
    assert np.allclose(first.after(5), second.after(5), atol=1e-4)


def test_what_deepsqueeze_leaves_out_is_said_later():
    """All that a node has said is all that it had to say, but for the error that is left."""
    algorithm, rounds = DeepSqueeze(codec(), 0.2), 5
    averaging = Averaging(algorithm)
    had, said = np.zeros((NODES, SIZE)), np.zeros((NODES, SIZE))
    for done in range(rounds):
        # A round speaks at its start, of the models that the last one has left.
        had += averaging.models() - averaging.world.initial
        averaging.world.engine.run_until(done + 0.25)
        for node in range(NODES):
            delta = codec().decode(algorithm.said[node])
            said[node, delta.indices] += delta.values
        averaging.after(done + 1)
    assert np.abs(algorithm.errors).max() > 0
    assert np.allclose(had, said + algorithm.errors, atol=1e-3)


def test_quasi_global_momentum_follows_the_mixed_models():
    """m is the mean of the displacements of whole rounds, the newest weighing most."""
    algorithm = QuasiGlobal(0.5)
    world = make_world(manifest(), NODES, "ring")
    algorithm.start(world)
    expected, before = np.zeros((NODES, SIZE)), np.tile(world.initial, (NODES, 1))
    for rounds in range(1, 6):
        world.engine.run_until(rounds - 0.01)
        models = np.stack([member.replica.parameters for member in world.members])
        steps = world.members[0].learner.step_size
        expected = 0.5 * expected + 0.5 * (before - models) / steps
        assert np.allclose(algorithm.momenta, expected, atol=1e-4)
        assert np.allclose(world.members[3].replica.control, -0.5 * expected[3], atol=1e-4)
        before = models


def test_tokens_are_earned_by_rounds_and_spent_on_messages():
    algorithm = TokenAccounts(Subsample(1.0))
    averaging = Averaging(algorithm, "random:4")
    averaging.after(300)
    sent = averaging.world.network.sent_frames[:NODES]
    assert algorithm.accounts.min() >= 0
    assert algorithm.accounts.max() <= CAPACITY
    # Saving has delayed a part of the messages and lost none.
    assert sum(sent) + algorithm.accounts.sum() == pytest.approx(300 * NODES, rel=0.05)
    rounds = [member.replica.rounds for member in averaging.world.members]
    assert sum(rounds) == pytest.approx(sum(sent), abs=NODES)


def test_dpsgd_keeps_the_weight_of_those_it_did_not_hear():
    averaging = Averaging(DPSGD(), loss=0.5)
    before = averaging.spread()
    models = averaging.after(80)
    assert averaging.spread() < 0.05 * before
    assert np.abs(models).max() <= np.abs(averaging.start).max()


def test_push_sum_conserves_mass():
    algorithm = PushSum()
    averaging = Averaging(algorithm)
    mass = averaging.start.sum(0)
    for rounds in range(1, 12):
        models = averaging.after(rounds)
        assert algorithm.weights.sum() == pytest.approx(NODES)
        assert np.allclose(algorithm.weights @ models, mass, atol=1e-4)


def test_push_sum_reaches_everybody_in_log_rounds():
    averaging = Averaging(PushSum())
    models = averaging.after(3)
    assert np.allclose(models, averaging.start.mean(0), atol=1e-5)


def test_a_lost_message_takes_its_weight_along():
    algorithm = PushSum()
    averaging = Averaging(algorithm, loss=0.2)
    models = averaging.after(30)
    assert 0 < algorithm.weights.sum() < NODES
    assert (models <= averaging.start.max(0) + 1e-4).all()
    assert (models >= averaging.start.min(0) - 1e-4).all()


def test_choco_holds_one_truth_about_every_public_copy():
    algorithm = Choco(codec(), 0.3)
    averaging = Averaging(algorithm)
    averaging.after(25)
    for node in range(NODES):
        weights = averaging.world.views.weights(node)
        gap = sum(
            weight * (algorithm.public[other] - algorithm.public[node])
            for other, weight in weights.items()
        )
        assert np.allclose(gap, algorithm.gap[node], atol=1e-4)


def test_choco_copies_approach_the_models():
    algorithm = Choco(codec(), 0.3)
    averaging = Averaging(algorithm)
    distances: Sequence[float] = [
        float(np.linalg.norm(averaging.after(rounds) - np.stack(algorithm.public)))
        for rounds in (1, 20, 100)
    ]
    assert distances[0] > 2 * distances[1] > 4 * distances[2]


def test_fedavg_is_the_mean_by_samples():
    model = manifest()
    world, twin = (make_world(model, NODES, "star") for _ in range(2))
    algorithm = FedAvg()
    algorithm.start(world)
    world.engine.run_until(1)
    total = sum(member.learner.samples for member in twin.members)
    zeros = np.zeros(SIZE, np.float32)
    fits = [member.learner.fit(model.initial(), zeros).parameters for member in twin.members]
    shares = [member.learner.samples / total for member in twin.members]
    assert np.allclose(algorithm.central.parameters, np.average(fits, 0, shares), atol=1e-6)


def test_fedavg_counts_both_directions():
    found = run(experiment(algorithm="fedavg", rounds=10), rows())
    per_round = np.mean(found.sent_bytes) / found.rounds[0]
    assert 8 * SIZE < per_round < 1.15 * 8 * SIZE + 120


def test_fedavg_goes_on_when_all_is_lost():
    found = run(experiment(algorithm="fedavg", conditions=Conditions(loss=0.9), nodes=2), rows())
    assert found.curve[-1].average.test.mean > 0.4


def test_oracle_graphs_are_regular_and_change():
    algorithm = Epidemic(3, oracle=True)
    averaging = Averaging(algorithm)
    seen = set()
    for rounds in range(1, 6):
        averaging.after(rounds)
        row = [tuple(algorithm.receivers(node)) for node in range(NODES)]
        assert all(len(others) == 3 and node not in others for node, others in enumerate(row))
        seen.add(tuple(row))
    assert len(seen) > 2


def test_local_draws_are_of_others_and_distinct():
    algorithm = Epidemic(3, oracle=False)
    Averaging(algorithm)
    for node in range(NODES):
        others = algorithm.receivers(node)
        assert len(set(others)) == 3
        assert node not in others


def test_parts_cover_the_model_once():
    selection = Partitioned(7)
    indices = [selection.indices(name, SIZE) for name in range(7)]
    assert sorted(np.concatenate(indices)) == list(range(SIZE))


def test_a_subsample_is_named_by_its_seed():
    selection = Subsample(0.1)
    first = selection.indices(5, SIZE)
    assert len(first) == round(0.1 * SIZE) == len(set(first))
    assert np.array_equal(first, selection.indices(5, SIZE))
    assert not np.array_equal(first, selection.indices(6, SIZE))


def test_merging_weighs_by_age():
    algorithm = Hegedus(Subsample(1.0))
    averaging = Averaging(algorithm)
    algorithm.ages[0, 0] = 1
    theirs = np.ones(SIZE, "<f4")
    algorithm._merge(0, name=0, age=3, payload=theirs.tobytes())
    assert np.allclose(averaging.models()[0], averaging.start[0] / 4 + 0.75, atol=1e-6)
    assert algorithm.ages[0, 0] == 3


def suited(name: str) -> dict[str, Any]:
    """What an experiment with this algorithm needs."""
    if name != "ormandi":
        return {"algorithm": name}
    schema = Schema(columns=FEATURES, target="y", classes=("no", "yes"))
    return {
        "algorithm": "ormandi:0.01",
        "manifest": manifest(schema=schema, layers=(), loss="binary"),
    }


def rows_for(name: str) -> Rows:
    """Four clouds; two of them count as one for what tells only two classes apart."""
    found = rows()
    if name != "ormandi":
        return found
    parts = {"train": found.train, "validation": found.validation, "test": found.test}
    halves = {
        key: attrs.evolve(part, targets=(part.targets == 1).astype("i8"))
        for key, part in parts.items()
    }
    return Rows(**halves)


@pytest.mark.parametrize("name", [*PLAIN, *TUNED])
def test_it_learns(name):
    found = run(experiment(**suited(name), rounds=60), rows_for(name))
    assert found.curve[-1].average.test.mean > 0.9
    assert found.curve[-1].average.test.worst > 0.8
    assert found.frames > 0


@pytest.mark.parametrize("name", [*PLAIN, *TUNED])
def test_runs_repeat_to_the_bit(name):
    harsh = Conditions(loss=0.1, latency_s=0.05, latency_spread=2)
    first, again = (
        run(experiment(**suited(name), rounds=6, conditions=harsh), rows_for(name)).plain()
        for _ in range(2)
    )
    assert first == again


def test_pegasos_steps_are_those_of_the_paper():
    """Without a margin: shrink by 1 - 1 / age, then a step of 1 / (lambda age) along the row."""
    algorithm = Ormandi(0.5)
    model, row = np.array([1, -1, 0.5], "f4"), np.array([2, 1], "f4")
    algorithm._update(model, 4, row, -1)
    assert np.allclose(model, [0.75 - 1, -0.75 - 0.5, 0.375 - 0.5])
    algorithm._update(model, 5, 100 * row, -1)
    assert np.allclose(model, [-0.2, -1.0, -0.1])


def test_a_model_is_merged_with_the_one_before():
    settings = suited("ormandi")
    world = make_world(settings["manifest"], NODES, "ring", rows_for("ormandi"))
    algorithm = Ormandi(1e6)  # steps of no size
    algorithm.start(world)
    for number, age in ((2.0, 1), (4.0, 9)):
        payload = np.full(FEATURES + 1, number, "<f4").tobytes()
        algorithm._receive(0, 1, seal(age + 1, 1, payload))
    assert np.allclose(world.members[0].replica.parameters, 3 * 0.9, atol=1e-3)
    assert algorithm.ages[0] == 10


def test_parts_of_models_are_cheaper_in_proportion():
    whole, part = (
        run(experiment(algorithm=name, rounds=20), rows()) for name in ("hegedus", "hegedus:0.1")
    )
    head = 40
    assert np.mean(part.sent_bytes) / part.frames * NODES < 0.1 * 4 * SIZE + head + 20
    assert np.mean(whole.sent_bytes) / whole.frames * NODES > 4 * SIZE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fedavg:2", "unknown"),
        ("ormandi:0", "lambda is above 0"),
        ("choco:x", "a number goes behind the colon"),
        ("choco:nan", "a number goes behind the colon"),
        ("choco:2", "step is above 0 and at most 1"),
        ("deepsqueeze:0", "step is above 0 and at most 1"),
        ("quasi-global:1", "below 1"),
        ("el-local:0", "at least 1 node"),
        ("hegedus:1.5", "at most 1 of a model"),
        ("hegedus-parts:0", "at least 1 part"),
    ],
)
def test_mistakes_are_named(text, said):
    with pytest.raises(ConfigError, match=said):
        make_baseline(text, manifest())
