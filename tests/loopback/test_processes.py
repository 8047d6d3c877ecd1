"""Real processes, real sockets, real signals: three nodes on this machine.

Nothing here depends on speed: every wait ends as soon as it may, and gives up late.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import trio

from gossipfl.data.schema import Schema
from gossipfl.errors import StateError
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.swarm import Swarm, from_files
from gossipfl.node.state.store import Saved, open_store
from gossipfl.node.status import ask
from gossipfl.transports.multicast import multicast_fault

PATIENCE_S: Final = 120.0
FAST: Final = ("--interval-s", "0.05", "--checkpoint-interval-s", "0.5", "--settle-s", "0.2")
MANIFEST: Final = Manifest(
    cluster="loopback",
    schema=Schema(columns=3, target="y", classes=("0", "1")),
    layers=perceptron((8,)),
    keep_ratio=0.2,
)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Shorter than tmp_path: the names of sockets are bounded."""
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as path:
        yield Path(path)


@pytest.fixture
async def swarm(directory: Path) -> Swarm:
    if await multicast_fault("127.0.0.1"):
        pytest.skip("loopback carries no multicast here")
    swarm = Swarm(directory, MANIFEST, from_files([write_data(directory, i) for i in range(3)]))
    swarm.link_by_mdns(view=4)
    return swarm


def write_data(directory: Path, number: int) -> Path:
    rng = np.random.default_rng(number)
    targets = rng.integers(0, 2, 60)
    points = rng.normal(size=(60, 3)) + targets[:, None]
    path = directory / f"readings-{number}.npz"
    np.savez(path, X=points.astype("f4"), y=targets)
    return path


async def status(member: Member) -> dict[str, Any]:
    return await ask(member.socket, "status")


async def until(condition: Callable[[list[dict[str, Any]]], bool], *members: Member) -> None:
    """Until it holds for what these nodes answer; a node that does not answer yet is waited for."""
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                if condition([await status(member) for member in members]):
                    return
            except StateError:
                assert member_runs(*members)
            await trio.sleep(0.1)


def member_runs(*members: Member) -> bool:
    return all(member.process and member.process.poll() is None for member in members)


def names(answer: dict[str, Any]) -> set[str]:
    return {neighbour["name"] for neighbour in answer["neighbours"]}


def meshed(answers: list[dict[str, Any]]) -> bool:
    """Everybody has a link to all others, and has used it well."""
    return all(
        len(names(answer)) == len(answers) - 1 and answer["exchanges"] > 20 for answer in answers
    )


async def end(member: Member, number: signal.Signals) -> int:
    """Send a signal; the exit status."""
    assert member.process is not None
    member.process.send_signal(number)
    with trio.fail_after(PATIENCE_S):
        return await member.process.wait()


def events(member: Member, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in member.events.read_text().splitlines()]
    return [event for event in found if event["event"] == kind]


def saved_by(member: Member) -> Saved:
    store, saved, aside = open_store(member.home / "state.db", MANIFEST.id)
    store.close()
    assert aside is None
    return saved


async def test_three_find_each_other_and_one_leaves(swarm: Swarm) -> None:
    leaver, *others = swarm.members
    async with swarm.running(*FAST):
        await until(meshed, *swarm.members)
        before = await status(leaver)
        assert before["links_seeded"] == 0
        assert await end(leaver, signal.SIGTERM) == 0
        await until(lambda answers: all(len(names(a)) == 1 for a in answers), *others)
        assert meshed([await status(other) for other in others])
    assert leaver.errors.read_text() == ""
    assert not leaver.socket.exists()
    assert [event["signal"] for event in events(leaver, "node.stopping")] == ["SIGTERM"]
    assert len(events(leaver, "node.stopped")) == 1
    saved = saved_by(leaver)
    assert saved.model is not None
    assert saved.model.rounds >= before["rounds"]
    assert len(saved.links) == 2
    # Model and links are complete: nothing is left to replay.
    assert saved.rows == []


async def test_killed_and_started_again(swarm: Swarm) -> None:
    victim, *others = swarm.members
    async with swarm.running(*FAST):
        await until(meshed, *swarm.members)
        await until(lambda answers: answers[0]["rounds"] > 60, victim)
        assert await end(victim, signal.SIGKILL) == -signal.SIGKILL
        kept = saved_by(victim)
        assert kept.model is not None
        await until(lambda answers: all(len(names(a)) == 1 for a in answers), *others)
        await swarm.start(victim, *FAST)
        await until(meshed, *swarm.members)
        answers = [await status(member) for member in swarm.members]
        assert [answer["links_seeded"] for answer in answers] == [0, 0, 0]
        assert answers[0]["rounds"] > kept.model.rounds > 0
    resumed = [event["resumed_rounds"] for event in events(victim, "node.starting")]
    assert resumed == [0, kept.model.rounds]
    assert all(events(member, "link.seeded") == [] for member in swarm.members)


async def run_alone(member: Member, *extra: str) -> subprocess.CompletedProcess[bytes]:
    """`gossipfl node` until it ends by itself."""
    command = [sys.executable, "-m", "gossipfl", "node", "--events", "none", *member.arguments]
    with trio.fail_after(PATIENCE_S):
        return await trio.run_process(
            [*command, *extra], capture_stdout=True, capture_stderr=True, check=False
        )


def assert_one_line(done: subprocess.CompletedProcess[bytes], *words: str) -> None:
    assert done.returncode == 2
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("gossipfl: ")
    for word in words:
        assert word in line


def lone(directory: Path) -> Swarm:
    """One node that looks for nobody."""
    swarm = Swarm(directory, MANIFEST, from_files([write_data(directory, 0)]))
    swarm.members[0].arguments += ["--no-mdns"]
    return swarm


async def test_a_port_in_use(directory: Path) -> None:
    (member,) = lone(directory).members
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = await run_alone(member, "--listen", f"127.0.0.1:{port}")
    assert_one_line(done, f"port {port}", "in use")


async def test_a_bad_data_file(directory: Path) -> None:
    (member,) = lone(directory).members
    data = directory / "readings-0.npz"
    data.write_bytes(os.urandom(500))
    done = await run_alone(member, "--listen", "127.0.0.1:0")
    assert_one_line(done, str(data))


async def test_a_state_directory_in_use(directory: Path) -> None:
    swarm = lone(directory)
    (member,) = swarm.members
    async with swarm.running("--listen", "127.0.0.1:0"):
        done = await run_alone(member, "--listen", "127.0.0.1:0")
        assert_one_line(done, str(member.home))
        assert (await status(member))["name"] == member.name
