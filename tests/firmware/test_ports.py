"""Ports that no emulator runs: a process over UDP, and ESP-IDF's against stubs."""

import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from gossipfl.devices.frames import FRAME_MAX
from gossipfl.devices.framing import Deframer, enframe
from gossipfl.devices.keys import print_code
from gossipfl.devices.session import DeviceSession
from gossipfl.node.harness.boards import KINDS, PORTS, write_rows
from tests.firmware.device import CODE, plan_of, session_for
from tests.firmware.library import COMPILER, NO_COMPILER

MAKE = shutil.which("make")
DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 rows to learn from."""
    if COMPILER is None or MAKE is None:
        pytest.skip(NO_COMPILER)
    path = tmp_path_factory.mktemp("rows") / "rows.h"
    features = np.random.default_rng(3).normal(size=(16, 64)).astype(np.float32)
    write_rows(path, features, np.arange(16) % 10)
    return path


def make(rows: Path, folder: Path, target: str) -> Path:
    path = folder / target
    settings = [f"OUT={folder}", f"SAMPLES={rows}"]
    subprocess.run(
        [str(MAKE), "-s", "-f", str(PORTS / "Makefile"), *settings, str(path)], check=True
    )
    return path


def exchange(
    program: Path, wire: socket.socket, folder: Path, session: DeviceSession, count: int
) -> None:
    """Run the process until so many exchanges are made, then kill it."""
    command = [str(program), "127.0.0.1", str(wire.getsockname()[1]), str(folder / "flash")]
    deframer, deadline = Deframer(FRAME_MAX), time.monotonic() + DEADLINE_S
    with subprocess.Popen([*command, print_code(CODE)], stdout=subprocess.DEVNULL) as process:
        try:
            while session.state.sequence < count:
                assert time.monotonic() < deadline
                content, peer = wire.recvfrom(4096)
                for frame in deframer.feed(content):
                    outcome = session.receive(frame, secrets.token_bytes(16))
                    wire.sendto(enframe(outcome.frame), peer)
        finally:
            process.kill()


def test_a_process_over_udp_that_is_killed_goes_on(rows: Path, tmp_path: Path) -> None:
    program = make(rows, tmp_path, "device")
    plan = plan_of((64, 32, 10), learning_rate=0.1, batch_size=16, local_steps=5)
    session = session_for(plan)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        wire.settimeout(DEADLINE_S)
        exchange(program, wire, tmp_path, session, 2)
        base = session.state.base
        exchange(program, wire, tmp_path, session, 4)
    assert session.state.base == base  # never seeded again


def test_the_esp_idf_component_compiles_against_stubs(rows: Path, tmp_path: Path) -> None:
    kind = KINDS["riscv-virt"]
    if missing := kind.missing():
        pytest.skip(f"not installed here: {', '.join(missing)}; run scripts/firmware")
    assert make(rows, tmp_path, "esp-idf.o").stat().st_size > 1000
