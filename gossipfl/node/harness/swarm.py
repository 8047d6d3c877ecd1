"""Many real nodes on one machine: a cluster of its own, one process a node, loopback between."""

import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import trio
from attrs import define, field, frozen
from numpy.typing import NDArray

from gossipfl.agreement import Agreement
from gossipfl.errors import GossipFLError, StateError
from gossipfl.node.device import take_join_file
from gossipfl.node.operator import Operator
from gossipfl.node.state.home import Home, write_private
from gossipfl.node.status import ask, decode_vector
from gossipfl.topologies.base import Topology

LOOPBACK: Final = "127.0.0.1"
STOP_TIMEOUT_S: Final = 10.0
START_TIMEOUT_S: Final = 120.0


class NodeDied(GossipFLError):
    """A node process ended by itself."""


@frozen
class View:
    """One node as it answered just now.

    average, parameters: float32[d]; scale: (mean, inverse deviation) or None.
    """

    status: dict[str, Any]
    average: NDArray[np.float32]
    parameters: NDArray[np.float32]
    scale: tuple[NDArray[np.float32], NDArray[np.float32]] | None


@define
class Member:
    """One node process."""

    name: str
    home: Path
    arguments: list[str]
    process: trio.Process | None = field(default=None)

    @property
    def socket(self) -> Path:
        """Where it answers."""
        return self.home / "status.sock"

    @property
    def events(self) -> Path:
        """Its JSON lines."""
        return self.home / "events.jsonl"

    @property
    def errors(self) -> Path:
        """What it printed when it failed."""
        return self.home / "stderr"


class Swarm:
    """A cluster in a directory: admitted nodes, one per source, ready to start."""

    def __init__(
        self, directory: Path, manifest: Agreement, sources: Sequence[tuple[str, ...]]
    ) -> None:
        """Creates the authority and admits every node, as an operator would.

        sources: for each node the flags that say what it learns from; see `from_files`.
        """
        self.directory = directory
        self.manifest = manifest
        self._addresses: set[str] = set()
        operator = Operator.create(directory / "cluster", manifest)
        self.members = [self._admit(operator, i, source) for i, source in enumerate(sources)]

    def _admit(self, operator: Operator, number: int, source: tuple[str, ...]) -> Member:
        name = f"node-{number}"
        home = self.directory / name
        join_file = self.directory / f"{name}.join"
        key = Home(home).device_key().public
        write_private(join_file, operator.admit(name, key, ("peer",)))
        take_join_file(home, join_file)
        return Member(name, home, ["--state", str(home), *source])

    def link_by_mdns(self, *, view: int) -> None:
        """Nodes listen on loopback and find each other."""
        for member in self.members:
            member.arguments += ["--listen", f"{LOOPBACK}:0", "--interface", LOOPBACK]
            member.arguments += ["--view", str(view), "--view-max", str(2 * view)]

    def link_by_topology(self, topology: Topology) -> None:
        """Nodes get exactly the links of a graph, and look for no others."""
        names = [member.name for member in self.members]
        ports = dict(zip(names, _free_ports(len(names)), strict=True))
        for member in self.members:
            near = [n.id for n in topology.neighbours(names, member.name, epoch=0)]
            member.arguments += ["--listen", f"{LOOPBACK}:{ports[member.name]}"]
            member.arguments += ["--no-mdns", "--no-hints"]
            member.arguments += ["--view", str(len(near)), "--view-max", str(len(near))]
            # Each link is dialled from one end only.
            for name in near:
                if names.index(name) > names.index(member.name):
                    member.arguments += ["--peer", f"{LOOPBACK}:{ports[name]}"]

    @asynccontextmanager
    async def running(self, *extra: str) -> AsyncIterator[None]:
        """All nodes run inside this block and are stopped, cleanly, at its end."""
        try:
            for member in self.members:
                await self.start(member, *extra)
            with trio.fail_after(START_TIMEOUT_S):
                for member in self.members:
                    await self._wait_for_answer(member)
            yield
        finally:
            with trio.CancelScope(shield=True):
                await self.stop()

    async def start(self, member: Member, *extra: str) -> None:
        """Start, or start again, one node."""
        command = [sys.executable, "-m", "gossipfl", "node", "--events", "none"]
        with member.errors.open("ab") as errors:
            member.process = await trio.lowlevel.open_process(
                [*command, *member.arguments, *extra], stdin=subprocess.DEVNULL, stderr=errors
            )

    async def stop(self) -> None:
        """SIGTERM to all; SIGKILL to those that ignore it."""
        alive = [m.process for m in self.members if m.process and m.process.poll() is None]
        for process in alive:
            process.terminate()
        with trio.move_on_after(STOP_TIMEOUT_S):
            for process in alive:
                await process.wait()
        for process in alive:
            if process.poll() is None:
                process.kill()
                await process.wait()

    async def views(self) -> list[View]:
        """Every node's answer.  Raises NodeDied, with its last words, when one is gone."""
        return [await self.view(member) for member in self.members]

    def addresses(self) -> list[str]:
        """Where the nodes accept links, as their neighbours were told."""
        return sorted(self._addresses)

    async def view(self, member: Member) -> View:
        """One node's answer."""
        try:
            status = await ask(member.socket, "status")
            model = await ask(member.socket, "model")
        except StateError:
            raise self._died(member) from None
        self._addresses.add(status["address"])
        scale = None
        if model["mean"] is not None:
            scale = decode_vector(model["mean"]), decode_vector(model["inverse_deviation"])
        vectors = decode_vector(model["average"]), decode_vector(model["parameters"])
        return View(status, *vectors, scale)

    async def _wait_for_answer(self, member: Member) -> None:
        while True:
            try:
                await ask(member.socket, "status")
                return
            except StateError:
                if member.process is not None and member.process.poll() is not None:
                    raise self._died(member) from None
                await trio.sleep(0.1)

    def _died(self, member: Member) -> NodeDied:
        words = member.errors.read_text("utf-8", "replace").strip().splitlines()
        last = words[-1] if words else "it said nothing"
        return NodeDied(f"{member.name} stopped answering: {last} (more in {member.errors})")


def from_files(data: Sequence[Path]) -> list[tuple[str, ...]]:
    """Sources of nodes that have a data file each."""
    return [("--data", str(path)) for path in data]


def distances_from_mean(models: Sequence[NDArray[np.float32]]) -> list[float]:
    """How far each model, float32[d], is from the mean of all."""
    stacked = np.stack(models).astype(np.float64)
    return [float(distance) for distance in np.linalg.norm(stacked - stacked.mean(0), axis=1)]


def consensus_distance(models: Sequence[NDArray[np.float32]]) -> float:
    """Root mean square of the distances from the mean."""
    return float(np.sqrt(np.mean(np.square(distances_from_mean(models)))))


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
