"""One run of our simulator, as scripts/bench/simulator asks for it; prints one line of JSON."""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from gossipfl.data.dataset import Dataset
from gossipfl.data.schema import Schema
from gossipfl.data.sources import infer_schema, read
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.simulation.experiment import Experiment, run
from gossipfl.simulation.population import split_rows

ROWS_A_NODE = 12
HELD_BACK = 0.02  # few, so that looking at the mesh takes no time that matters
BATCH = 32


def main() -> None:
    """Run a little to load everything, then for the clock, from sharing rows out to the result."""
    case = json.loads(sys.argv[1])
    data = spambase(case) if "spambase" in case else clouds(case)
    split = split_rows(data, None, None, HELD_BACK, seed=0)
    nodes = case["nodes"]
    experiment = Experiment(
        manifest=manifest_for(data, case["hidden"], len(split.train) // nodes),
        nodes=nodes,
        topology=case["topology"],
        rounds=case["rounds"],
        evaluate_every=case["rounds"],
    )
    run(attrs.evolve(experiment, nodes=8, topology="random:4", rounds=2), split)
    cpu_s = -time.process_time()
    result = run(experiment, split)
    cpu_s += time.process_time()
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {"node_rounds": sum(result.rounds), "cpu_s": cpu_s, "peak_bytes": peak_bytes}
    print(json.dumps(found))


def spambase(case: dict[str, Any]) -> Dataset:
    """The file's rows."""
    path = Path(case["spambase"])
    return read(path, schema=infer_schema(path))


def clouds(case: dict[str, Any]) -> Dataset:
    """As many rows as nodes can share, around a centre for every class."""
    rng, rows = np.random.default_rng(0), ROWS_A_NODE * case["nodes"]
    width, classes = case["features"], case["classes"]
    targets = rng.integers(classes, size=rows)
    centres = rng.normal(size=(classes, width)).astype("f4")
    features = rng.normal(size=(rows, width)).astype("f4") + centres[targets]
    columns = tuple(f"x{i}" for i in range(width))
    return Dataset(features=features, targets=targets, columns=columns, source="clouds")


def manifest_for(data: Dataset, hidden: int, rows: int) -> Manifest:
    """Gossip as by default, and an epoch a round."""
    classes = tuple(map(str, range(int(data.targets.max()) + 1)))
    batch = min(BATCH, rows)
    return Manifest(
        cluster="bench",
        schema=Schema(columns=data.features.shape[1], target="y", classes=classes),
        layers=perceptron((hidden,) if hidden else ()),
        training=TrainingSettings(batch_size=batch, local_steps=-(-rows // batch)),
    )


if __name__ == "__main__":
    main()
