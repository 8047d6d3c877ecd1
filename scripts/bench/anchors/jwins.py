"""Dhasade, Kermarrec, Pires, Sharma, Vujasinovic and Wigger 2023, JWINS: 96 nodes, bytes saved.

Published: 96 nodes whose classes differ reach the accuracy of sharing whole models with up to 64 %
fewer bytes, so with 36 %.
Substituted: 5,000 digits of MNIST and an MLP 784-60-10 (instead of CIFAR-10 and others); shares of
two classes, a random 4-regular graph, 200 rounds of 5 steps on 16 rows; full sharing is D-PSGD,
every node's whole model to all four neighbours every round, and ours sends 5 % of the parameters to
one neighbour a round; both are judged by their running means.  Rates (0.03, 0.1, 0.3) and what is
sent (2 %, 5 %) were chosen on validation rows with a seed of their own; bytes are whole frames,
sealed and with their heads.
"""

from collections.abc import Sequence

import attrs
import numpy as np
from figures import Figures, progress
from gossiping.tasks import make_task

from gossipfl.simulation.experiment import Experiment, Result, run

NODES, ROUNDS = 96, 200
# So few nodes have more rows each, and agree sooner.
QUICK_NODES, QUICK_ROUNDS = 24, 60
PUBLISHED_SHARE = 0.36
POINTS_MAX = 0.5
# Algorithm and rate.
SCHEMES = {"full sharing": ("dpsgd", 0.3), "ours": ("gossip", 0.1)}


def measure(seeds: Sequence[int], quick: bool, figures: Figures) -> None:
    """Print accuracies and bytes, and add the figures."""
    nodes, rounds = (QUICK_NODES, QUICK_ROUNDS) if quick else (NODES, ROUNDS)
    found = {name: [_run(name, nodes, rounds, seed) for seed in seeds] for name in SCHEMES}
    print(f"jwins: published, the same accuracy for {PUBLISHED_SHARE:.0%} of the bytes")
    accuracies, sent = {}, {}
    for name, results in found.items():
        looks = [result.curve[-1].average.test for result in results]
        accuracies[name] = float(np.mean([look.mean for look in looks]))
        worst = float(np.mean([look.worst for look in looks]))
        sent[name] = float(np.mean([np.mean(result.sent_bytes) for result in results]))
        print(
            f"  {name:12} {accuracies[name]:.2%}, worst node {worst:.2%}, "
            f"{sent[name] / 1e6:.2f} MB a node",
            flush=True,
        )
    points = 100 * (accuracies["full sharing"] - accuracies["ours"])
    figures.add("jwins_loss", points, "points", "<=", POINTS_MAX)
    figures.add("jwins_bytes", sent["ours"] / sent["full sharing"], "x", "<=", PUBLISHED_SHARE)


def _run(name: str, nodes: int, rounds: int, seed: int) -> Result:
    progress(f"jwins, {name}, seed {seed}")
    algorithm, rate = SCHEMES[name]
    task = make_task("mnist")
    training = attrs.evolve(task.manifest.training, learning_rate=rate, local_steps=5)
    experiment = Experiment(
        manifest=attrs.evolve(task.manifest, seed=seed, training=training, keep_ratio=0.05),
        nodes=nodes,
        algorithm=algorithm,
        partition="shards:2",
        topology="random:4",
        rounds=rounds,
        evaluate_every=rounds,
        seed=seed,
    )
    return run(experiment, task.rows)
