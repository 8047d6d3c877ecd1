"""Hegedűs, Danner and Jelasity 2019 and 2021: gossip learning beside federated learning, by bytes.

Published: with rows shared out at random, gossip learning has the lower error after equal bytes;
otherwise the two are comparable; token accounts and partitioned models make it cheaper.  Curves
only, so the figures here are ratios: of areas under error by bytes sent per node, up to 10 kB,
which is 43 models of 232 bytes; and of the bytes until FedAvg's last error plus a point.
As published: Spambase, 100 nodes, a random 20-regular graph, logistic regression with rate 1 and
weight decay 0.001, 4 parts, token accounts with C = 20 and A = 10.
Substituted: "sorted" gives every node rows of one class; a round is one step on 32 of a node's 33
rows; our own split of the rows, standardised over all training rows before they are shared out;
bytes are whole frames, sealed and with their heads, where the papers count models; FedAvg asks all
nodes every round, uncompressed, and its bytes are both directions'.  Ours sends a quarter of the
parameters a message and is judged by the running means that nodes predict with, all others by their
bare models.
"""

import math
from collections.abc import Iterable, Sequence

import attrs
import numpy as np
from datasets.spambase import spambase_files
from figures import Figures, progress

from gossipfl.data.schema import Schema
from gossipfl.data.sources import infer_schema, read
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.simulation.experiment import Experiment, run
from gossipfl.simulation.population import Rows

NODES = 100
BUDGET_BYTES = 10_000
POINT = 0.01
LOOKS = 24
TRAINING = TrainingSettings(learning_rate=1.0, weight_decay=0.001, batch_size=32, local_steps=1)
FEDAVG, PUSH, OURS = "fedavg", "hegedus", "gossip"
TOKENS, TOKENS_PARTS = "hegedus-tokens", "hegedus-tokens-parts:4"
PUBLISHED = (PUSH, TOKENS, TOKENS_PARTS)
# Rounds that take the budget, and some.
ROUNDS = {FEDAVG: 24, PUSH: 48, TOKENS: 56, TOKENS_PARTS: 140, OURS: 140}
# Partition, and what gossip's area over FedAvg's may be.
CASES = {"iid": ("iid", 1.0), "sorted": ("shards:1", 1.05)}

# Bytes to the target with token accounts, parts or both, over those of pushing whole models.
CHEAPER = 0.5

Curve = tuple[np.ndarray, np.ndarray]  # bytes sent by a node, mean error


def measure(seeds: Sequence[int], quick: bool, figures: Figures) -> None:
    """Print areas and bytes, and add the figures."""
    rows = _rows()
    for name, (partition, most) in CASES.items():
        if quick and name == "sorted":
            continue
        curves = {each: [_run(rows, each, partition, seed) for seed in seeds] for each in ROUNDS}
        areas = {each: _mean(map(_area, found)) for each, found in curves.items()}
        sent = {each: _mean(map(_reached, found, curves[FEDAVG])) for each, found in curves.items()}
        print(f"hegedus {name}: mean error up to {BUDGET_BYTES / 1000:.0f} kB, kB to the target")
        for each in ROUNDS:
            print(f"  {each:24} {areas[each]:.4f} {sent[each] / 1000:7.2f}", flush=True)
        theirs = min(areas[each] for each in PUBLISHED)
        figures.add(f"hegedus_{name}_area", theirs / areas[FEDAVG], "x", "<=", most)
        figures.add(f"hegedus_{name}_area_ours", areas[OURS] / areas[FEDAVG], "x", "<=", most)
        if name == "iid":
            cheapest = min(sent[TOKENS], sent[TOKENS_PARTS])
            figures.add("hegedus_iid_bytes", cheapest / sent[PUSH], "x", "<=", CHEAPER)


def _rows() -> Rows:
    files = spambase_files()
    schema = infer_schema(files[0])
    train, test = (read(file, schema=schema) for file in files)
    mean, deviation = train.features.mean(0), np.maximum(train.features.std(0), 1e-6)
    train, test = (
        attrs.evolve(part, features=((part.features - mean) / deviation).astype("f4"))
        for part in (train, test)
    )
    # Nothing is chosen here, so few rows are enough to choose by.
    return Rows(train=train, validation=test.take(np.arange(100)), test=test)


def _run(rows: Rows, algorithm: str, partition: str, seed: int) -> Curve:
    progress(f"hegedus, {algorithm}, {partition}, seed {seed}")
    schema = Schema(columns=rows.train.features.shape[1], target="y", classes=("no", "yes"))
    manifest = Manifest(
        cluster="bench",
        schema=schema,
        standardise="none",
        layers=(),
        loss="binary",
        keep_ratio=0.25,
        training=TRAINING,
        seed=seed,
    )
    experiment = Experiment(
        manifest=manifest,
        nodes=NODES,
        algorithm=algorithm,
        partition=partition,
        topology="random:20",
        rounds=ROUNDS[algorithm],
        evaluate_every=max(1, ROUNDS[algorithm] // LOOKS),
        seed=seed,
    )
    curve = run(experiment, rows).curve
    looks = [point.average if algorithm == OURS else point.current for point in curve]
    sent = np.array([point.sent_bytes for point in curve])
    assert sent[-1] >= BUDGET_BYTES, f"{algorithm} takes more rounds for the budget"
    return sent, np.array([1 - look.test.mean for look in looks])


def _area(curve: Curve) -> float:
    """Mean error over the bytes up to the budget."""
    at = np.linspace(0, BUDGET_BYTES, 1001)
    return float(np.trapezoid(np.interp(at, *curve), at) / BUDGET_BYTES)


def _reached(curve: Curve, central: Curve) -> float:
    """Bytes until the error is FedAvg's at the end of the budget plus a point; or infinity."""
    target = float(np.interp(BUDGET_BYTES, *central)) + POINT
    sent, error = curve
    found = np.flatnonzero(error <= target)
    return float(sent[found[0]]) if found.size else math.inf


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
