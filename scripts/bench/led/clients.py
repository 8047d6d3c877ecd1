"""A thousand simulated clients on one seed process.

Each is a whole agent with certificate, encrypted TCP link and store of its own, all in one process
that trains and writes on its event loop; the seed is a process beside it.
"""

import resource
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import trio
from attrs import frozen
from figures import Figures, progress

from gossipfl.config import build_config
from gossipfl.data.schema import Schema
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.node.device import Device
from gossipfl.node.harness.led import admit_seed
from gossipfl.node.harness.network import Loopback
from gossipfl.node.harness.swarm import Swarm, from_files
from gossipfl.node.kernels import warm_kernels
from gossipfl.node.surroundings import run_inline


@frozen
class Sizes:
    """Clients, and seconds that they are watched."""

    clients: int
    watched_s: float


FULL, QUICK = Sizes(1000, 60.0), Sizes(100, 10.0)


def measure(figures: Figures, quick: bool) -> None:
    """Whole agents, that train and write on their event loop, and a seed process."""
    sizes = QUICK if quick else FULL
    progress(f"{sizes.clients} clients of one seed")
    warm_kernels()
    with tempfile.TemporaryDirectory(prefix="gossipfl-bench-") as directory:
        found = trio.run(_lead_many, Path(directory), sizes)
    progress(
        f"{found['rounds']} rounds of {found['clients']} clients in {found['seconds']:.0f} s; "
        f"{found['bytes'] / found['rounds'] / found['clients']:.0f} bytes a client and round both "
        f"ways; seed {found['memory_bytes'] / 1e6:.0f} MB"
    )
    rate = found["rounds"] * found["clients"] / found["seconds"]
    figures.add("clients-led", found["clients"], "", ">=", sizes.clients)
    figures.add("client-rounds", rate, "1/s", ">=", 50)
    figures.add("seed-memory", found["memory_bytes"] / 1e6, "MB", "<=", 250)


async def _lead_many(directory: Path, sizes: Sizes) -> dict[str, Any]:
    _raise_file_limit()
    schema = Schema(columns=64, target="y", classes=tuple(map(str, range(10))))
    manifest = Manifest(cluster="many", schema=schema, standardise="none", layers=perceptron((32,)))
    swarm = Swarm(directory, manifest, from_files(_files(directory, sizes.clients)))
    (address,) = Loopback().addresses(1)
    members = list(swarm.members)
    centre = admit_seed(swarm, address, "--deadline-s", "120", "--handshake-timeout-s", "60")
    swarm.members[:] = [centre]
    async with swarm.running(), trio.open_nursery() as nursery:
        for number, member in enumerate(members):
            device = _client(member, address)
            nursery.start_soon(device.log.run)
            await nursery.start(device.make_agent().run)
            if number % 20 == 0:  # handshakes of those before go first
                await trio.sleep(0.05)
        found = await _watch(swarm, centre, sizes)
        nursery.cancel_scope.cancel()
    return found


def _client(member: Any, address: str) -> Device:
    settings = {
        "state": member.home,
        "data": member.home.parent / f"{member.name}.npz",
        "listen": "127.0.0.1:0",
        "peer": (address,),
        "mdns": False,
        "hints": False,
        "interval_s": 0.5,
        "resend_s": 120.0,
        "handshake_timeout_s": 60.0,
        "fallback_after_s": 0.5,
        "probe_interval_s": 60.0,
        "validation": 0.0,
    }
    return Device(build_config(settings, "scripts/bench/fallback"), run_blocking=run_inline)


def _files(directory: Path, count: int) -> list[Path]:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 64))
    files = []
    for number in range(count):
        labels = rng.integers(10, size=30)
        rows = (centres[labels] + rng.normal(size=(30, 64))).astype(np.float32)
        files.append(directory / f"node-{number}.npz")
        np.savez(files[-1], X=rows, y=labels)
    return files


async def _watch(swarm: Swarm, centre: Any, sizes: Sizes) -> dict[str, Any]:
    """From when all are led."""
    while True:
        status = await centre.ask("status")
        led = sum(each["exchanges"] > 1 for each in status["neighbours"])
        if led >= sizes.clients and status["rounds"] > 1:
            break
        await trio.sleep(0.5)
    start_s = trio.current_time()
    await trio.sleep(sizes.watched_s)
    last = await centre.ask("status")
    seconds = trio.current_time() - start_s
    traffic = ("sent_bytes", "received_bytes")
    return {
        "clients": sum(each["central"] for each in last["neighbours"]),
        "rounds": last["rounds"] - status["rounds"],
        "bytes": sum(last[name] - status[name] for name in traffic),
        "seconds": seconds,
        "memory_bytes": last["memory_bytes"],
    }


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
