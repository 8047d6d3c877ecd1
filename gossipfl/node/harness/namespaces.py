"""A network namespace for every node, with a switch of our own between them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import trio

from gossipfl.errors import ConfigError, StateError
from gossipfl.faults.links import OnLinks
from gossipfl.faults.script import FaultScript, to_table
from gossipfl.node.harness.switchboard import host_of

PORT: Final = 7411
READY_BYTES_MAX: Final = 65536
STOP_TIMEOUT_S: Final = 5.0
TOOLS: Final = {"ip": "iproute2", "nsenter": "util-linux"}


class Namespaces:
    """So many hosts on one Ethernet; all of it is gone when its context ends, and with its parent.

    seed: of what the switch loses and delays.
    """

    def __init__(self, count: int, seed: int) -> None:
        """Raises ConfigError where there can be none."""
        if sys.platform != "linux" or os.geteuid() != 0:
            raise ConfigError(
                "network namespaces need Linux and root: run it with sudo, or leave --network out"
            )
        for tool, package in TOOLS.items():
            if shutil.which(tool) is None:
                raise ConfigError(f"network namespaces need `{tool}`: install {package}")
        self._count = count
        self._seed = seed
        self._process: trio.Process | None = None
        self._namespaces: list[int] = []

    def check(self, script: FaultScript) -> None:
        """Everything can happen here."""

    def options(self, number: int) -> list[str]:
        return ["--listen", f"{host_of(number)}:{PORT}"]

    def addresses(self, count: int) -> Sequence[str]:
        return [f"{host_of(number)}:{PORT}" for number in range(count)]

    def enter(self, number: int) -> list[str]:
        assert self._process is not None, "the network does not run"
        place = f"/proc/{self._process.pid}/fd/{self._namespaces[number]}"
        return ["nsenter", f"--net={place}", "--"]

    async def apply(self, event: OnLinks) -> None:
        assert self._process is not None, "the network does not run"
        assert self._process.stdin is not None
        try:
            await self._process.stdin.send_all(json.dumps(to_table(event)).encode() + b"\n")
        except trio.BrokenResourceError:
            raise StateError(GONE) from None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        command = [sys.executable, "-m", "gossipfl.node.harness.switchboard"]
        self._process = process = await trio.lowlevel.open_process(
            [*command, str(self._count), str(self._seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            self._namespaces = await _read_ready(process)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_watch, process)
                yield
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await _stop(process)


GONE: Final = "the switch between the nodes has ended; its last words are above"


async def _read_ready(process: trio.Process) -> list[int]:
    """Descriptors of namespaces in that process, in the order of numbers."""
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n") and len(line) < READY_BYTES_MAX:
        part = await process.stdout.receive_some(4096)
        if not part:
            raise StateError(GONE)
        line += part
    answer = json.loads(line)
    if "error" in answer:
        raise ConfigError(
            f"cannot make network namespaces here ({answer['error']}): containers must be allowed "
            "to, and need /dev/net/tun; or leave --network out"
        )
    found: list[int] = answer["namespaces"]
    return found


async def _watch(process: trio.Process) -> None:
    await process.wait()
    raise StateError(GONE)


async def _stop(process: trio.Process) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdin.aclose()
    with trio.move_on_after(STOP_TIMEOUT_S):
        await process.wait()
    if process.poll() is None:
        process.kill()
        await process.wait()
    await process.stdout.aclose()
