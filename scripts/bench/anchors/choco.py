"""Koloskova, Lin, Stich and Jaggi 2020, Table 1: CHOCO-SGD with signs on a ring of 8.

Published: CIFAR-10, ResNet-20: all-reduce 92.64 %, signs with the norm 92.46 % with 0.032 MB an
iteration instead of 1.04 MB, so 0.18 points for 32 times fewer bytes.
Substituted: 5,000 digits of MNIST and an MLP 784-60-10, shared out at random; 800 steps on 16 rows
a node at a constant rate without momentum, so models are judged by their running means instead of
at the end of a falling rate; all-reduce is a coordinator that hands the mean of all models out
after every step; bytes are a whole message's, sealed and with its head.  Rates (0.1, 0.3, 0.5) and
consensus steps (0.3, 0.5) were chosen on validation rows, with a seed of their own.
"""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from figures import Figures, progress
from gossiping.tasks import make_task

from gossipfl.simulation.experiment import Experiment, Result, run

NODES, STEPS, QUICK_STEPS, LAST = 8, 800, 100, 5
PUBLISHED_POINTS, PUBLISHED_RATIO = 0.18, 32
POINTS_MAX, RATIO_MIN = 0.3, 30
# Algorithm, rate, changes of the manifest.
SCHEMES: dict[str, tuple[str, float, dict[str, Any]]] = {
    "all-reduce": ("fedavg", 0.3, {}),
    "signs": ("choco-sign:0.5", 0.5, {}),
    "ours": ("gossip", 0.5, {"keep_ratio": 0.05}),
}


def measure(seeds: Sequence[int], quick: bool, figures: Figures) -> None:
    """Print accuracies and bytes, and add the figures."""
    steps = QUICK_STEPS if quick else STEPS
    found = {name: [_run(name, steps, seed) for seed in seeds] for name in SCHEMES}
    accuracies = {name: float(np.mean(list(map(_final, each)))) for name, each in found.items()}
    frames = {name: float(np.mean(list(map(_frame, each)))) for name, each in found.items()}
    print(
        f"choco: published {PUBLISHED_POINTS} points below all-reduce for {PUBLISHED_RATIO} times "
        "fewer bytes"
    )
    for name in SCHEMES:
        print(f"  {name:10} {accuracies[name]:.2%} {frames[name]:8.0f} bytes a message", flush=True)
    for name in ("signs", "ours"):
        points = 100 * (accuracies["all-reduce"] - accuracies[name])
        figures.add(f"choco_{name}_loss", points, "points", "<=", POINTS_MAX)
        ratio = frames["all-reduce"] / frames[name]
        figures.add(f"choco_{name}_bytes", ratio, "x fewer", ">=", RATIO_MIN)


def _run(name: str, steps: int, seed: int) -> Result:
    progress(f"choco, {name}, seed {seed}")
    algorithm, rate, changes = SCHEMES[name]
    task = make_task("mnist")
    training = attrs.evolve(task.manifest.training, learning_rate=rate, local_steps=1)
    experiment = Experiment(
        manifest=attrs.evolve(task.manifest, seed=seed, training=training, **changes),
        nodes=NODES,
        algorithm=algorithm,
        topology="ring",
        rounds=steps,
        evaluate_every=max(1, steps // 40),
        seed=seed,
    )
    return run(experiment, task.rows)


def _final(result: Result) -> float:
    """Of the mean node on test rows, over the last looks."""
    return float(np.mean([point.average.test.mean for point in result.curve[-LAST:]]))


def _frame(result: Result) -> float:
    return sum(result.sent_bytes) / result.frames
