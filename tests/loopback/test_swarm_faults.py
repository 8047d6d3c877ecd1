"""A fault script happens to real processes, and the run that is recorded tells of it."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import trio

from gossipfl.data.schema import Schema
from gossipfl.data.sources import read
from gossipfl.errors import ConfigError
from gossipfl.faults.script import parse_script
from gossipfl.manifest import Manifest
from gossipfl.node.harness.convergence import Convergence
from gossipfl.node.harness.judge import Judge
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.record import Result
from gossipfl.node.harness.run import run_swarm
from gossipfl.node.harness.swarm import Swarm, from_files
from gossipfl.topologies.complete import Complete

NODES: Final = 3
PATIENCE_S: Final = 300.0
JUMP_S: Final = 20 * 365 * 86_400
MANIFEST: Final = Manifest(
    cluster="faults", schema=Schema(columns=3, target="y", classes=("0", "1")), keep_ratio=0.3
)
SCRIPT: Final = [
    {"at_s": 0.5, "do": "kill", "nodes": [1]},
    {"at_s": 0.5, "do": "pause", "nodes": [2]},
    {"at_s": 1.0, "do": "resume", "nodes": [2]},
    {"at_s": 1.0, "do": "clock", "nodes": [0], "jump_s": JUMP_S},
    {"at_s": 1.2, "do": "restart", "nodes": [1]},
]


@pytest.fixture
def directory() -> Iterator[Path]:
    """Shorter than tmp_path: the names of sockets are bounded."""
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as path:
        yield Path(path)


def make_swarm(directory: Path) -> Swarm:
    for number in range(NODES):
        rng = np.random.default_rng(number)
        targets = rng.integers(0, 2, 60)
        points = rng.normal(size=(60, 3)) + targets[:, None]
        np.savez(directory / f"{number}.npz", X=points.astype("f4"), y=targets)
    return Swarm(directory, MANIFEST, from_files([directory / f"{i}.npz" for i in range(NODES)]))


def events(member: Member, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in member.events.read_text().splitlines()]
    return [event for event in found if event["event"] == kind]


async def run(swarm: Swarm) -> Result:
    script = parse_script({"events": SCRIPT}, "the test")
    swarm.link_by_topology(Complete())
    judge = Judge(MANIFEST, read(swarm.directory / "0.npz", schema=MANIFEST.schema))
    flags, rounds = ("--interval-s", "0.1"), Convergence(rounds_min=10, rounds_max=20)
    with trio.fail_after(PATIENCE_S):
        result, _, _ = await run_swarm(
            swarm, judge, rounds, flags, "test", trio.lowlevel.checkpoint, script
        )
    return result


async def test_a_script_happens_and_is_told_of(directory: Path) -> None:
    swarm = make_swarm(directory)
    result = await run(swarm)
    told = [(happened.what, happened.time_s) for happened in result.faults]
    assert [what for what, _ in told] == [
        "kill 1",
        "pause 2",
        "resume 2",
        f"clock 0 by +{JUMP_S:g} s",
        "restart 1",
    ]
    assert all(time_s >= event["at_s"] for (_, time_s), event in zip(told, SCRIPT, strict=True))
    # Killed, so without a goodbye, and started again from what it had kept.
    one = swarm.members[1]
    assert len(events(one, "node.starting")) == 2
    assert len(events(one, "node.stopped")) == 1
    # A jump shows in the events of that node and of no other.
    for member in swarm.members:
        (stop,) = events(member, "node.stopping")
        (first, *_) = events(member, "node.starting")
        assert (stop["time_s"] - first["time_s"] > JUMP_S) == (member is swarm.members[0])
    assert result.names == ("node-0", "node-1", "node-2")
    assert min(result.rounds) >= 10
    assert json.loads(result.as_json())["curve"][-1]["nodes"][1]["name"] == "node-1"
    sent = [[look.sent_bytes for look in point.nodes] for point in result.curve]
    assert sum(sent[-1]) == result.curve[-1].sent_bytes > 0
    assert all(member.process and member.process.poll() is not None for member in swarm.members)


def test_links_of_loopback_cannot_be_told_apart(directory: Path) -> None:
    script = parse_script({"events": [{"at_s": 1, "do": "cut", "nodes": [0]}]}, "f.toml")
    with pytest.raises(ConfigError, match=r"f\.toml: 'cut around 0' .* --network namespaces"):
        make_swarm(directory).prepare(script)
