"""Ormándi, Hegedűs and Jelasity 2013: Spambase, one sample a node, 4,140 nodes, error by cycle.

Published: 0-1 error 0.111 of sequential Pegasos after 20,000 samples, which gossip approaches.
Extreme: half of all messages lost, delays of 1 to 10 cycles, 90 % of the nodes online.
Substituted: views of 5 neighbours drawn anew every cycle (for Newscast); sessions of exponential
length (for a churn trace); our own split of the rows, columns as log(1 + 10 x), standardised over
all training rows before they are shared out; nodes judged are 64 drawn at random.
"""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from datasets.spambase import spambase_files
from figures import Figures, progress

from gossipfl.data.dataset import Dataset
from gossipfl.data.schema import Schema
from gossipfl.data.sources import infer_schema, read
from gossipfl.manifest import Manifest
from gossipfl.simulation.churn import OnOff
from gossipfl.simulation.experiment import Experiment, Result, run
from gossipfl.simulation.network import Conditions
from gossipfl.simulation.population import Rows

NODES, TEST_ROWS = 4140, 461
PUBLISHED = 0.111
LAMBDA = 1e-4
CALM = {"conditions": Conditions(latency_s=0.0)}
EXTREME = {
    "conditions": Conditions(latency_s=1.0, jitter_s=9.0, loss=0.5),
    "churn": OnOff(share=0.1, away_s=10.0),
}
# Conditions, and the cycle by which the published error is to be reached.
CASES = {"calm": (CALM, 20), "extreme": (EXTREME, 100)}


def measure(seeds: Sequence[int], quick: bool, figures: Figures) -> None:
    """Print the error by cycle, and add the figures."""
    found = _everything()
    for name, (around, cycle) in CASES.items():
        if quick and name == "extreme":
            continue
        results = [_run(found, around, cycle, seed) for seed in seeds]
        print(f"ormandi {name}: 0-1 error by cycle, published {PUBLISHED}", flush=True)
        print(f"  {_curve(results)}", flush=True)
        error = float(np.mean([1 - result.curve[-1].current.test.mean for result in results]))
        figures.add(f"ormandi_{name}_cycle_{cycle}", error, "error", "<=", PUBLISHED)


def _everything() -> Dataset:
    """All 4,601 rows, made comparable."""
    files = spambase_files()
    schema = infer_schema(files[0])
    train, test = (read(file, schema=schema) for file in files)
    features = np.log1p(10 * np.concatenate([train.features, test.features]))
    targets = np.concatenate([train.targets, test.targets])
    return attrs.evolve(train, features=features, targets=targets)


def _run(found: Dataset, around: dict[str, Any], cycles: int, seed: int) -> Result:
    progress(f"ormandi, {cycles} cycles, seed {seed}")
    order = np.random.default_rng(seed).permutation(len(found))
    learnt = found.features[order[:NODES]]
    features = (found.features - learnt.mean(0)) / np.maximum(learnt.std(0), 1e-6)
    standard = attrs.evolve(found, features=features.astype("f4"))
    train, test = standard.take(order[:NODES]), standard.take(order[NODES:])
    experiment = Experiment(
        manifest=_manifest(found),
        algorithm=f"ormandi:{LAMBDA}",
        nodes=NODES,
        topology="random:5",
        renew_s=1.0,
        rounds=cycles,
        evaluate_every=max(1, cycles // 10),
        seed=seed,
        **around,
    )
    return run(experiment, Rows(train=train, validation=test, test=test))


def _manifest(found: Dataset) -> Manifest:
    schema = Schema(columns=found.features.shape[1], target="y", classes=("no", "yes"))
    return Manifest(cluster="bench", schema=schema, standardise="none", layers=(), loss="binary")


def _curve(results: Sequence[Result]) -> str:
    """Mean error over the seeds, by cycle."""
    looks = zip(*(result.curve for result in results), strict=True)
    return ", ".join(
        f"{look[0].time_s:.0f}: {np.mean([1 - each.current.test.mean for each in look]):.3f}"
        for look in looks
    )
