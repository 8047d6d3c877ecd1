"""The demonstration: eight wearables learn to tell exercises, and prove how they did it."""

import json
import time
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np
import trio
from attrs import field, frozen

from gossipfl import datasets
from gossipfl.data.dataset import Dataset
from gossipfl.data.sources import infer_schema, read
from gossipfl.errors import GossipFLError
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import Sequential, perceptron
from gossipfl.node.harness.convergence import Convergence
from gossipfl.node.harness.judge import Judge
from gossipfl.node.harness.run import run_swarm
from gossipfl.node.harness.stranger import knock
from gossipfl.node.harness.swarm import Swarm, from_files
from gossipfl.node.harness.views import View
from gossipfl.node.kernels import warm_kernels
from gossipfl.security.noise import LINK_PROTOCOL

WATCH: Final = Path(datasets.__file__).parent / "watch"
TRAINED_ON: Final = range(1, 9)
JUDGED_ON: Final = range(9, 11)
RAW_INPUTS: Final = 600
VALIDATION: Final = 0.1
ROUNDS_MIN: Final = 120
ROUNDS_MAX: Final = 160
INTERVAL_S: Final = 0.12
VIEW: Final = 4


@frozen(kw_only=True)
class Proof:
    """What the demo claims, and how it knows.

    files: what each node process opened, from its own event log.
    ciphers: what each link spoke, from the event logs of both ends.
    stranger_bytes: what a program without a certificate got out of all nodes together.
    """

    files: dict[str, str] = field(factory=dict)
    links: int = 0
    ciphers: tuple[str, ...] = ()
    doors: int = 0
    stranger_bytes: int = 0

    @property
    def files_are_disjoint(self) -> bool:
        """No two processes opened the same readings."""
        return len(set(self.files.values())) == len(self.files)

    @property
    def links_are_encrypted(self) -> bool:
        """There were links, and all of them spoke Noise."""
        return self.links > 0 and self.ciphers == (LINK_PROTOCOL,)

    @property
    def holds(self) -> bool:
        """Every claim is true."""
        return self.files_are_disjoint and self.links_are_encrypted and self.stranger_bytes == 0


@frozen(kw_only=True)
class Report:
    """Accuracy on wearers that nobody trained on, and what it cost."""

    mesh: tuple[float, ...]
    lone: tuple[float, ...]
    pooled: float
    sent_bytes: tuple[int, ...]
    model_bytes: int
    exported_bytes: int
    rounds: int
    mesh_s: float
    memory_bytes: int
    proof: Proof

    def as_json(self) -> str:
        """For programs."""
        return json.dumps(attrs.asdict(self), indent=2)


def make_manifest(seed: int) -> Manifest:
    """A 64-unit network on the 12 lowest frequencies of 4 s windows of 6 axes."""
    return Manifest(
        cluster="wearables",
        schema=infer_schema(WATCH / "wearer-1.npz"),
        standardise="channel:6",
        basis="dct1:100x6:12",
        layers=perceptron((64,)),
        keep_ratio=0.03,
        seed=seed,
        training=TrainingSettings(learning_rate=0.2, local_steps=10),
    )


def run_demo(directory: Path, seed: int) -> Report:
    """The whole demonstration, in a directory of its own; progress goes to standard error."""
    warm_kernels()
    manifest = make_manifest(seed)
    schema = manifest.schema
    test = join([read(WATCH / f"wearer-{i}.npz", schema=schema) for i in JUDGED_ON])
    judge = Judge(manifest, test)
    files = [WATCH / f"wearer-{i}.npz" for i in TRAINED_ON]
    swarm = Swarm(directory, manifest, from_files(files))
    swarm.link_by_mdns(view=VIEW)
    started_s = time.monotonic()
    arguments = ("--interval-s", str(INTERVAL_S), "--seed", str(seed))

    async def knock_everywhere() -> dict[str, int]:
        return await knock(swarm.addresses())

    _, views, doors = trio.run(
        run_swarm,
        swarm,
        judge,
        Convergence(ROUNDS_MIN, ROUNDS_MAX),
        (*arguments, "--validation", str(VALIDATION)),
        "eight wearables, no server",
        knock_everywhere,
    )
    mesh_s = time.monotonic() - started_s
    return _report(swarm, files, judge, views, doors, mesh_s, seed)


def join(parts: list[Dataset]) -> Dataset:
    """Rows of several files, one after the other."""
    return attrs.evolve(
        parts[0],
        features=np.concatenate([part.features for part in parts]),
        targets=np.concatenate([part.targets for part in parts]),
        source=", ".join(part.source for part in parts),
    )


def _report(
    swarm: Swarm,
    files: list[Path],
    judge: Judge,
    views: list[View],
    doors: dict[str, int],
    mesh_s: float,
    seed: int,
) -> Report:
    """Only now, with every node stopped, does this process read what they trained on."""
    own = [read(file, schema=judge.manifest.schema) for file in files]
    rounds = max(view.status["rounds"] for view in views)
    spec = judge.manifest.model()
    exported = Sequential(*spec.layers, shape=(RAW_INPUTS,), loss=spec.loss)
    return Report(
        mesh=tuple(judge.score_view(view) for view in views),
        lone=tuple(judge.train_alone(part, rounds, seed, VALIDATION) for part in own),
        pooled=judge.train_alone(join(own), rounds * len(own), seed, VALIDATION),
        sent_bytes=tuple(view.status["sent_bytes"] for view in views),
        model_bytes=4 * spec.parameters,
        exported_bytes=4 * exported.parameters,
        rounds=rounds,
        mesh_s=mesh_s,
        memory_bytes=max(view.status["memory_bytes"] for view in views),
        proof=_gather_proof(swarm, doors),
    )


def _gather_proof(swarm: Swarm, doors: dict[str, int]) -> Proof:
    files: dict[str, str] = {}
    links: list[str] = []
    for member in swarm.members:
        events = read_events(member.events)
        opened = [event["path"] for event in events if event["event"] == "data.opened"]
        if len(opened) != 1:
            raise GossipFLError(f"{member.name} says that it opened {len(opened)} files, not 1")
        files[member.name] = opened[0]
        links += [event["cipher"] for event in events if event["event"] == "link.up"]
    return Proof(
        files=files,
        links=len(links),
        ciphers=tuple(sorted(set(links))),
        doors=len(doors),
        stranger_bytes=sum(doors.values()),
    )


def read_events(path: Path) -> list[dict[str, Any]]:
    """A node's JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
