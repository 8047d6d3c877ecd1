"""One run of the simulator: how it is described, and what is kept of it, on disk."""

import hashlib
import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import cattrs
from attrs import field, frozen
from places import CACHE, ROOT

from gossipfl.simulation.experiment import Experiment, run
from gossipfl.simulation.measurement import Point
from gossiping.tasks import make_task

KEPT = CACHE / "gossip"
# What no simulated figure can depend on.
APART = {"node", "adapters", "transports", "datasets", "membership", "security", "config.py"}


@frozen(kw_only=True)
class Run:
    """A scheme on a task, with one seed.

    settings, training: changes of the manifest and of how it trains.
    world: changes of the experiment.  every: rounds between two looks.
    """

    task: str
    algorithm: str
    partition: str
    nodes: int
    rounds: int
    seed: int
    every: int = 5
    settings: dict[str, Any] = field(factory=dict)
    training: dict[str, Any] = field(factory=dict)
    world: dict[str, Any] = field(factory=dict)

    @property
    def key(self) -> str:
        """Names this run of this source."""
        text = f"{self!r}{fingerprint()}"
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    @property
    def path(self) -> Path:
        """Where its record lies, if there is one."""
        return KEPT / f"{self.key}.json"

    @property
    def node_rounds(self) -> int:
        """How much work it is."""
        return self.nodes * self.rounds

    def experiment(self) -> Experiment:
        """What the simulator is told."""
        manifest = make_task(self.task).manifest
        training = attrs.evolve(manifest.training, **self.training)
        return Experiment(
            manifest=attrs.evolve(manifest, seed=self.seed, training=training, **self.settings),
            nodes=self.nodes,
            algorithm=self.algorithm,
            partition=self.partition,
            rounds=self.rounds,
            evaluate_every=self.every,
            seed=self.seed,
            **self.world,
        )


@frozen(kw_only=True)
class Record:
    """What is kept of a run.

    curve: looks at the mesh.  scores: of every judged node at the end, on test rows.
    sent_bytes: a node's mean.  frames: of all nodes.  parameters: that are gossiped.
    """

    curve: tuple[Point, ...]
    scores: tuple[float, ...]
    sent_bytes: float
    frames: int
    parameters: int
    diverged: int
    wall_s: float


def perform(run_: Run) -> None:
    """Simulate and write the record, whole or not at all."""
    started_s = time.monotonic()
    experiment = run_.experiment()
    result = run(experiment, make_task(run_.task).rows)
    record = Record(
        curve=tuple(result.curve),
        scores=tuple(result.scores),
        sent_bytes=sum(result.sent_bytes) / run_.nodes,
        frames=result.frames,
        parameters=experiment.manifest.parameters,
        diverged=result.diverged,
        wall_s=time.monotonic() - started_s,
    )
    partial = run_.path.with_suffix(".part")
    partial.write_text(json.dumps(cattrs.unstructure(record)))
    partial.replace(run_.path)


def recall(run_: Run) -> Record:
    """The record of a run that was performed."""
    return cattrs.structure(json.loads(run_.path.read_text()), Record)


@cache
def fingerprint() -> str:
    """Of all source that a simulated figure depends on."""
    digest = hashlib.blake2b()
    ours = sorted((ROOT / "gossipfl").rglob("*.py"))
    data = sorted((ROOT / "scripts" / "bench" / "datasets").glob("*.py"))
    for path in [*ours, *data, Path(__file__), Path(__file__).with_name("tasks.py")]:
        parts = path.relative_to(ROOT).parts
        if parts[0] != "gossipfl" or parts[1] not in APART:
            digest.update(repr((parts, path.read_bytes())).encode())
    return digest.hexdigest()
