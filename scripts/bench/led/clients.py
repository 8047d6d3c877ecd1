"""A thousand simulated clients on one seed process, each round as soon as the one before is over.

The seed is a real one, `gossipfl seed` with its store on disk; see `crowd` for what clients are.
"""

import resource
import tempfile
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import trio
from attrs import frozen
from figures import Figures, progress
from usage import cpu_s

from gossipfl.data.schema import Schema
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.node.harness.led import admit_seed
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.network import Loopback
from gossipfl.node.harness.swarm import Swarm
from gossipfl.node.kernels import warm_kernels
from led.crowd import run_crowd

FLOAT_BYTES = 4
POLL_S = 1.0  # a status names all clients, and asking for it costs the seed too


@frozen
class Sizes:
    """Clients, and rounds that all of them take part in."""

    clients: int
    rounds: int


FULL, QUICK = Sizes(1000, 20), Sizes(100, 20)


@frozen
class Look:
    """What the seed says of itself at one moment; cpu_s: of its process."""

    now_s: float
    cpu_s: float
    status: dict[str, Any]


def measure(figures: Figures, quick: bool) -> None:
    """A seed process and a process of clients."""
    sizes = QUICK if quick else FULL
    progress(f"{sizes.clients} clients of one seed")
    warm_kernels()
    _raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="gossipfl-bench-") as directory:
        trio.run(_lead_many, Path(directory), sizes, figures)


async def _lead_many(directory: Path, sizes: Sizes, figures: Figures) -> None:
    schema = Schema(columns=64, target="y", classes=tuple(map(str, range(10))))
    manifest = Manifest(cluster="many", schema=schema, standardise="none", layers=perceptron((32,)))
    swarm = Swarm(directory, manifest, [])
    (address,) = Loopback().addresses(1)
    seed = admit_seed(swarm, address, "--deadline-s", "120")
    async with swarm.running():
        arguments = directory / "cluster", sizes.clients, address
        crowd = get_context("spawn").Process(target=run_crowd, args=arguments, daemon=True)
        crowd.start()
        try:
            await _watch(seed, crowd, sizes, manifest.parameters, figures)
        finally:
            crowd.kill()


async def _watch(
    seed: Member, crowd: BaseProcess, sizes: Sizes, parameters: int, figures: Figures
) -> None:
    start_s, joined = trio.current_time(), 0
    first = await _look(seed)
    while joined < sizes.clients:
        await trio.sleep(POLL_S)
        assert crowd.is_alive(), "the clients have failed"
        first = await _look(seed)
        joined = sum(each["exchanges"] > 0 for each in first.status["neighbours"])
    progress(f"all have joined after {first.now_s - start_s:.1f} s")
    last = first
    while last.status["rounds"] - first.status["rounds"] < sizes.rounds:
        await trio.sleep(POLL_S)
        assert crowd.is_alive(), "the clients have failed"
        last = await _look(seed)
    _report(first, last, sizes, parameters, figures)


async def _look(seed: Member) -> Look:
    status = await seed.ask("status")
    assert seed.process is not None
    return Look(trio.current_time(), cpu_s(seed.process.pid), status)


def _report(first: Look, last: Look, sizes: Sizes, parameters: int, figures: Figures) -> None:
    clients = sum(each["central"] for each in last.status["neighbours"])
    turns = clients * (last.status["rounds"] - first.status["rounds"])
    told = sum(last.status[name] - first.status[name] for name in ("sent_bytes", "received_bytes"))
    seconds, cpu_s = last.now_s - first.now_s, last.cpu_s - first.cpu_s
    anchors = clients * parameters * FLOAT_BYTES
    progress(
        f"{turns} client-rounds in {seconds:.1f} s; {told / turns:.0f} bytes each, both ways; "
        f"anchors of all clients {anchors / 1e6:.1f} MB"
    )
    figures.add("clients-led", clients, "", ">=", sizes.clients)
    figures.add("client-rounds", turns / seconds, "1/s", ">=", 200)
    figures.add("seed-cpu", 1000 * cpu_s / turns, "ms a client-round", "<=", 5)
    figures.add("seed-memory", last.status["memory_bytes"] / 1e6, "MB", "<=", 250)


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
