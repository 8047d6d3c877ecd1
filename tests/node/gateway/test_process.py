"""A gateway process, a node process, and devices as processes, over UDP."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import trio

from gossipfl.data.schema import Schema
from gossipfl.errors import StateError
from gossipfl.manifest import Manifest
from gossipfl.node.harness.behind import enrol_behind
from gossipfl.node.harness.boards import PORTS, write_rows
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.swarm import Swarm, from_files
from gossipfl.transports.multicast import multicast_fault
from tests.firmware.library import COMPILER, NO_COMPILER
from tests.firmware.micropython.board import MICROPYTHON, NO_MICROPYTHON, PACKAGE
from tests.firmware.micropython.board import write_rows as write_row_file

MAKE: Final = shutil.which("make")
PATIENCE_S: Final = 60.0
FAST: Final = ("--preset", "local", "--interval-s", "0.1", "--checkpoint-interval-s", "0.5")
MANIFEST: Final = Manifest(
    cluster="devices",
    schema=Schema(columns=4, target="y", classes=("0", "1")),
    standardise="none",
    layers=(),
    keep_ratio=0.4,
)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Shorter than tmp_path: the names of sockets are bounded."""
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as path:
        yield Path(path)


def readings(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    classes = np.arange(40) % 2
    return (rng.normal(size=(40, 4)) + 2 * classes[:, None]).astype(np.float32), classes


def in_c(directory: Path, port: int) -> list[str]:
    """What starts a device that is the C library."""
    if COMPILER is None or MAKE is None:
        pytest.skip(NO_COMPILER)
    rows, program = directory / "rows.h", directory / "device"
    write_rows(rows, *readings(1))
    settings = [f"OUT={directory}", f"SAMPLES={rows}", str(program)]
    subprocess.run([str(MAKE), "-s", "-f", str(PORTS / "Makefile"), *settings], check=True)
    return [str(program), "127.0.0.1", str(port), str(directory / "flash")]


def in_micropython(directory: Path, port: int) -> list[str]:
    """What starts one that runs MicroPython."""
    if MICROPYTHON is None:
        pytest.skip(NO_MICROPYTHON)
    write_row_file(directory / "rows", *readings(1))
    program = str(PACKAGE / "process.py")
    return [MICROPYTHON, program, "127.0.0.1", str(port), str(directory), "4", "2"]


def free_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def powered(command: list[str], *code: str) -> Iterator[None]:
    """The device runs in this block, and has its plug pulled at the end."""
    process = subprocess.Popen([*command, *code], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def until(gateway: Member, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What the gateway tells of its device, as soon as it is as wanted."""
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                (device,) = (await gateway.ask("status"))["devices"]
                if reached(device):
                    return dict(device)
            except (StateError, ValueError):
                assert gateway.process is not None
                assert gateway.process.poll() is None, gateway.errors.read_text()
            await trio.sleep(0.05)


async def met(agent: Member, name: str) -> None:
    """Until the agent has exchanged with its only neighbour."""
    with trio.fail_after(PATIENCE_S):
        while True:
            found = (await agent.ask("status"))["neighbours"]
            if any(each["exchanges"] and each["name"] == name for each in found):
                return
            await trio.sleep(0.05)


@pytest.mark.parametrize("made", [in_c, in_micropython])
async def test_a_device_takes_part_and_outlives_crashes_of_all(
    directory: Path, made: Callable[[Path, int], list[str]]
) -> None:
    if await multicast_fault("127.0.0.1"):
        pytest.skip("loopback carries no multicast here")
    features, classes = readings(2)
    np.savez(directory / "readings.npz", X=features, y=classes)
    swarm = Swarm(directory, MANIFEST, from_files([directory / "readings.npz"]))
    swarm.link_by_mdns(view=2)
    port = free_port()
    gateway, codes = enrol_behind(swarm, ["lamp"], "--udp", f"127.0.0.1:{port}", *FAST)
    command = made(directory, port)
    async with swarm.running(*FAST):
        await gateway.start([])
        try:
            with powered(command, codes["lamp"]):
                first = await until(gateway, lambda device: device["exchanges"] >= 3)
                await gateway.kill()
                await gateway.start([])
                second = await until(
                    gateway, lambda device: device["exchanges"] >= first["exchanges"] + 3
                )
            with powered(command):
                third = await until(
                    gateway, lambda device: device["exchanges"] >= second["exchanges"] + 3
                )
            place = gateway.home / "devices" / "lamp"
            await met(Member("lamp", place, []), "node-0")
            await gateway.stop()
            # Of the first life, the newest events were lost with it.
            _, _, second_life = (place / "events.jsonl").read_text().rpartition('"node.starting"')
            assert '"device.greeted"' in second_life
            assert '"device.seeded"' not in second_life
            assert (third["key"], third["samples"], third["enrolled"]) == (1, 40, True)
        finally:
            await gateway.stop()
