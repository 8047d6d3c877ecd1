"""Real nodes on an Ethernet of our own: they meet, are cut off, and leave nothing behind."""

import os
import shutil
import signal
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
from gossipfl.errors import ConfigError
from gossipfl.faults.links import Cut, Heal, Slow
from gossipfl.manifest import Manifest
from gossipfl.node.harness.namespaces import Namespaces
from gossipfl.node.harness.network import Network
from gossipfl.node.harness.swarm import Swarm, from_files

PATIENCE_S: Final = 120.0
SEED: Final = 914_825_306
MANIFEST: Final = Manifest(
    cluster="lan", schema=Schema(columns=3, target="y", classes=("0", "1")), keep_ratio=0.3
)
FLAGS: Final = ("--interval-s", "0.1", "--settle-s", "0.2", "--resend-s", "0.5")
SHORT_LIVED: Final = ("--probe-interval-s", "0.4", "--probe-timeout-s", "0.2")


@pytest.fixture
def directory() -> Iterator[Path]:
    """Shorter than tmp_path: the names of sockets are bounded."""
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as path:
        yield Path(path)


@pytest.fixture
async def network() -> Network:
    """Two hosts, where the machine allows them."""
    try:
        network = Namespaces(2, SEED)
        async with network.running():
            pass
    except* ConfigError as refused:
        reason = str(refused.exceptions[0])
    else:
        return network
    pytest.skip(reason)


def write_data(directory: Path, number: int) -> Path:
    rng = np.random.default_rng(number)
    targets = rng.integers(0, 2, 60)
    path = directory / f"readings-{number}.npz"
    np.savez(path, X=(rng.normal(size=(60, 3)) + targets[:, None]).astype("f4"), y=targets)
    return path


async def until(condition: Callable[[list[dict[str, Any]]], bool], swarm: Swarm) -> None:
    with trio.fail_after(PATIENCE_S):
        while True:
            if condition([view.status for view in await swarm.views()]):
                return
            await trio.sleep(0.1)


def linked(answers: list[dict[str, Any]]) -> bool:
    return all(len(answer["neighbours"]) == 1 for answer in answers)


def alone(answers: list[dict[str, Any]]) -> bool:
    return all(answer["neighbours"] == [] for answer in answers)


async def test_two_hosts_meet_part_and_meet_again(directory: Path, network: Network) -> None:
    files = [write_data(directory, number) for number in range(2)]
    swarm = Swarm(directory, MANIFEST, from_files(files), network)
    swarm.link_by_mdns(view=2)
    async with swarm.running(*FLAGS, *SHORT_LIVED):
        await network.apply(Slow(at_s=0, delay_s=0.02, jitter_s=0.01, bytes_per_s=50_000))
        await until(linked, swarm)
        await network.apply(Cut(at_s=0, groups=((0,), (1,))))
        await until(alone, swarm)
        await network.apply(Heal(at_s=0))
        await until(linked, swarm)
        before = [view.status["exchanges"] for view in await swarm.views()]
        await until(
            lambda answers: all(
                answer["exchanges"] > count + 5
                for answer, count in zip(answers, before, strict=True)
            ),
            swarm,
        )
        assert [view.status["links_seeded"] for view in await swarm.views()] == [0, 0]
        assert swarm.addresses() == ["10.77.0.1:7411", "10.77.0.2:7411"]
    assert own_processes(str(SEED), str(directory)) == []


def own_processes(*marks: str) -> list[str]:
    """Command lines of running processes that have one of these words in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if any(mark in line for mark in marks) and path.parent.name != str(os.getpid()):
            found.append(line)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_nothing_is_left_behind(
    directory: Path, network: Network, number: signal.Signals
) -> None:
    """Neither by Ctrl-C nor by SIGTERM: no process, so no namespace, and no file."""
    data = write_data(directory, 0)
    temporary = directory / "t"
    temporary.mkdir()
    command = ["swarm", "2", "--data", str(data), "--network", "namespaces", "--rounds", "100000"]
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "gossipfl", *command, "--seed", str(SEED)],
        env={**os.environ, "TMPDIR": str(temporary)},
        stderr=subprocess.DEVNULL,
    )
    with trio.fail_after(PATIENCE_S):
        while len(own_processes(f"switchboard 2 {SEED}", str(temporary))) < 3:
            assert process.poll() is None
            await trio.sleep(0.1)
        process.send_signal(number)
        assert await process.wait() == 130
    assert own_processes(f"switchboard 2 {SEED}", str(temporary)) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("uid", "tools", "remedy"), [(1000, {"ip", "nsenter"}, "run it with sudo"), (0, {"ip"}, "util")]
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, uid: int, tools: set[str], remedy: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(shutil, "which", lambda tool: tool if tool in tools else None)
    with pytest.raises(ConfigError, match=remedy):
        Namespaces(2, SEED)
