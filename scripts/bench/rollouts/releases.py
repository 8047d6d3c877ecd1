"""A bad release and a good one in a mesh of 1,000 nodes, in virtual time.

The nodes have learnt digits so far that they tell five of six; each holds 20 rows back and makes a
round every 5 s.  A twentieth of them is away when a release comes, and returns 20 s later.  The bad
release takes every digit for the next; the good one has learnt to the end.
"""

import numpy as np
from datasets.digits import digits_files
from figures import Figures, progress
from numpy.typing import NDArray

from gossipfl.data.dataset import Dataset
from gossipfl.learning.settings import TrainingSettings
from gossipfl.learning.training import Trainer
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Sequential
from gossipfl.releases.publishing import Plan
from rollouts.world import Rows, World

Vector = NDArray[np.float32]
HELD_BACK = 20
AWAY_SHARE, AWAY_S = 0.05, 20.0
SPEC = Sequential(Dense(10), shape=(64,), loss="cross-entropy")
PLAN = Plan(stages=(0.05, 0.25, 1.0), judge_s=30, tolerance=50)


def measure(figures: Figures, quick: bool) -> None:
    """Both releases, one after the other in one mesh."""
    progress("learning digits")
    features, classes = _digits()
    half, full = _train(features, classes, 40), _train(features, classes, 4000)
    world = _world(features, classes, half, 200 if quick else 1000)
    shares = len(world.nodes)
    progress(f"a bad release to {shares} nodes")
    _publish(world, _shifted(full))
    back_s = world.run_until_all("rolled-back", 60.0)
    beyond = sum(1 in node.used and node.rollout.slice > 0 for node in world.nodes)
    tried = sum(node.rollout.slice == 0 for node in world.nodes)
    print(
        f"bad: first slice {tried} nodes, rolled back everywhere after {back_s:.0f} s", flush=True
    )
    figures.add("release-bad-beyond-first-slice", beyond, "nodes", "<=", 0)
    figures.add("release-bad-rolled-back-everywhere", back_s, "s", "<=", 60)
    progress(f"a good release to {shares} nodes")
    before = world.sent_bytes
    _publish(world, full)
    adopted_s = world.run_until_all("adopted", 600.0)
    adopted = sum(np.array_equal(node.model, full) for node in world.nodes) / shares
    each = (world.sent_bytes - before) / shares
    print(f"good: adopted by all after {adopted_s:.0f} s, {each:,.0f} B sent by each", flush=True)
    figures.add("release-good-adopted", adopted, "share", ">=", 1)


def _publish(world: World, model: Vector) -> None:
    count = round(AWAY_SHARE * len(world.nodes))
    away = 1 + world.rng.choice(len(world.nodes) - 1, count, replace=False)
    for number in away:
        world.nodes[number].power(False)
    world.publish(model, PLAN)
    for number in away:
        world.engine.schedule(AWAY_S, lambda node=world.nodes[number]: node.power(True))


def _digits() -> tuple[Vector, NDArray[np.int64]]:
    (train, _) = digits_files()
    with np.load(train) as found:
        return found["X"].astype(np.float32), found["y"].astype(np.int64)


def _train(features: Vector, classes: NDArray[np.int64], steps: int) -> Vector:
    rows = Dataset(
        features=features, targets=classes, columns=tuple(map(str, range(64))), source="digits"
    )
    trainer = Trainer(SPEC, rows, None, TrainingSettings(learning_rate=0.1, momentum=0.0), seed=0)
    start = SPEC.initial(0)
    return trainer.fit(start, np.zeros_like(start), steps=steps).parameters


def _shifted(model: Vector) -> Vector:
    """Every class's weights in the place of the next."""
    weights, bias = model[:640].reshape(10, 64), model[640:]
    return np.concatenate([np.roll(weights, 1, 0).ravel(), np.roll(bias, 1)])


def _world(features: Vector, classes: NDArray[np.int64], known: Vector, count: int) -> World:
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(count):
        own = rng.choice(len(features), HELD_BACK, replace=False)
        rows.append(Rows(features[own], classes[own, None].astype(np.float32)))
    return World(SPEC, known, rows, seed=2)
