"""How many nodes one machine carries, and what a partition costs a mesh.

Run it as scripts/bench/scale [--quick] [--only PART].

agents: 500 whole agents in one process, each with certificate, encrypted TCP links over loopback
and a store of its own, in a random graph of degree 4, opening an exchange a second; they train and
write on the event loop, since a thread costs more than so small a model.  processes: the same with
50 node processes that find each other by mDNS.  Both are watched from when links are up and news of
who is there has settled.  Latency is from a request to its reply, disk and encryption included.
healing: 20 processes in network namespaces (root), two halves apart for a third of the run at most,
beside the same run unbroken.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import trio
from attrs import frozen
from datasets.digits import digits_files
from figures import Figures, progress
from usage import cpu_s

from gossipfl.config import build_config
from gossipfl.data.schema import Schema
from gossipfl.manifest import Manifest
from gossipfl.node.agent import Agent
from gossipfl.node.device import Device
from gossipfl.node.harness.network import Loopback
from gossipfl.node.harness.swarm import Swarm, from_files
from gossipfl.node.kernels import warm_kernels
from gossipfl.node.starting import undisturbed_start
from gossipfl.node.surroundings import run_inline
from gossipfl.topologies.named import parse_topology

INPUTS, CLASSES, ROWS = 16, 5, 60
DEGREE, INTERVAL_S = 4, 1.0
LATENCY_MS_MAX = 250.0
STARTS_AT_ONCE = 20
READY_TIMEOUT_S = 600.0
SETTLED = 0.01
MANIFEST = Manifest(
    cluster="scale",
    schema=Schema(columns=INPUTS, target="y", classes=tuple(map(str, range(CLASSES)))),
    standardise="none",
    keep_ratio=0.1,
)


@frozen
class Sizes:
    """Nodes of each part, and seconds that the first two are watched."""

    agents: int
    processes: int
    halves: int
    watched_s: float


FULL, QUICK = Sizes(500, 50, 20, 60.0), Sizes(100, 4, 0, 10.0)


def main() -> None:
    """Every part, or one of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer nodes, no partition")
    parser.add_argument("--only", choices=PARTS, help="this part alone")
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else FULL
    figures = Figures()
    progress("preparing kernels")
    warm_kernels()
    for name in [arguments.only] if arguments.only else PARTS:
        PARTS[name](figures, sizes)
    figures.finish()


def measure_agents(figures: Figures, sizes: Sizes) -> None:
    """All in this process, on one event loop."""
    progress(f"{sizes.agents} agents in one process")
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as directory:
        found = trio.run(_run_agents, Path(directory), sizes)
    progress(f"{found}")
    _add(figures, "agents", found)
    figures.add("agent-memory", found.memory_mb / sizes.agents, "MB", "<=", 1.0)


@frozen
class Found:
    """Milliseconds from request to reply, exchanges a node and second, CPU share, and memory."""

    latencies_ms: Any
    rate: float
    cores: float
    memory_mb: float

    def __str__(self) -> str:
        p50, p99, most = np.percentile(self.latencies_ms, [50, 99, 100])
        return (
            f"{len(self.latencies_ms)} exchanges: p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest "
            f"{most:.0f} ms; {self.rate:.2f} opened a node and second; {self.cores:.2f} cores; "
            f"{self.memory_mb:.0f} MB"
        )


def _add(figures: Figures, name: str, found: Found) -> None:
    p99 = float(np.percentile(found.latencies_ms, 99))
    figures.add(f"{name}-exchange-p99", p99, "ms", "<=", LATENCY_MS_MAX)
    figures.add(f"{name}-exchange-rate", found.rate, "1/s", ">=", 0.9 / INTERVAL_S)


async def _run_agents(directory: Path, sizes: Sizes) -> Found:
    files = _files(directory, sizes.agents)
    before_mb = _resident_mb()
    swarm = Swarm(directory, MANIFEST, from_files(files))
    names = [member.name for member in swarm.members]
    addresses = dict(zip(names, _addresses(len(names)), strict=True))
    graph = parse_topology(f"random:{DEGREE}")
    devices: list[Device] = []
    with undisturbed_start():
        for member, file in zip(swarm.members, files, strict=True):
            near = [each.id for each in graph.neighbours(names, member.name, epoch=0)]
            settings = {
                "state": member.home,
                "data": file,
                "listen": addresses[member.name],
                # Those that started before: who dials in vain waits for longer and longer.
                "peer": tuple(addresses[name] for name in names[: len(devices)] if name in near),
                "mdns": False,
                "hints": False,
                "view": len(near),
                "view_max": len(near),
                "interval_s": INTERVAL_S,
                "handshake_timeout_s": 30.0,  # hundreds begin at once
            }
            config = build_config(settings, "scripts/bench/scale")
            devices.append(Device(config, run_blocking=run_inline))
        agents = [device.make_agent() for device in devices]
    async with trio.open_nursery() as nursery:
        for start in range(0, len(agents), STARTS_AT_ONCE):
            async with trio.open_nursery() as batch:
                for agent in agents[start : start + STARTS_AT_ONCE]:
                    batch.start_soon(nursery.start, agent.run)
        for device in devices:
            nursery.start_soon(device.log.run)
        answers = [agent.answers for agent in agents]
        await _until_linked(lambda: [len(each.status()["neighbours"]) for each in answers])

        async def living() -> list[int]:
            return [each.status()["members"]["living"] for each in answers]

        await _until_known(living)
        found = await _watch_agents(agents, sizes.watched_s, before_mb)
        nursery.cancel_scope.cancel()
    for device in devices:
        device.store.close()
    return found


def _addresses(count: int) -> list[str]:
    """An address of the machine's own an agent: of 127.0.0.1 those who dial take ports as well."""
    (free,) = Loopback().addresses(1)
    port = free.rpartition(":")[2]
    return [f"127.1.{number // 250}.{1 + number % 250}:{port}" for number in range(count)]


async def _watch_agents(agents: list[Agent], seconds: float, before_mb: float) -> Found:
    before = [len(agent.answers.latencies()["exchange_ms"]) for agent in agents]
    used_s, start_s = time.process_time(), trio.current_time()
    await trio.sleep(seconds)
    after = [agent.answers.latencies()["exchange_ms"] for agent in agents]
    passed_s = trio.current_time() - start_s
    latencies = [each for old, new in zip(before, after, strict=True) for each in new[old:]]
    rate = len(latencies) / len(agents) / passed_s
    cores = (time.process_time() - used_s) / passed_s
    return Found(latencies, rate, cores, _resident_mb() - before_mb)


async def _until_linked(links: Callable[[], list[int]]) -> None:
    with trio.fail_after(READY_TIMEOUT_S):
        while True:
            found = links()
            progress(f"{sum(found)} of {DEGREE * len(found)} ends of links are up")
            if sum(found) >= 0.99 * DEGREE * len(found):
                return
            await trio.sleep(5)


async def _until_known(living: Callable[[], Awaitable[list[int]]]) -> None:
    """Until members hardly get to know more of each other; the last ones come with shuffles."""
    known, before = sum(await living()), 0
    while known > (1 + SETTLED) * before:
        await trio.sleep(10)
        found = await living()
        known, before = sum(found), known
        progress(f"{known / len(found):.1f} of {len(found) - 1} others are known")


def measure_processes(figures: Figures, sizes: Sizes) -> None:
    """A process a node, as on devices."""
    progress(f"{sizes.processes} node processes")
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as directory:
        found = trio.run(_run_processes, Path(directory), sizes)
    progress(f"{found}")
    _add(figures, "processes", found)
    figures.add("process-memory", found.memory_mb / sizes.processes, "MB", "<=", 160)


async def _run_processes(directory: Path, sizes: Sizes) -> Found:
    swarm = Swarm(directory, MANIFEST, from_files(_files(directory, sizes.processes)))
    swarm.link_by_mdns(view=DEGREE)
    async with swarm.running("--interval-s", str(INTERVAL_S)):

        async def living() -> list[int]:
            return [view.status["members"]["living"] for view in await swarm.views()]

        await _until_known(living)
        before = await _latencies(swarm)
        pids = [member.process.pid for member in swarm.members if member.process is not None]
        before_s, start_s = sum(map(cpu_s, pids)), trio.current_time()
        await trio.sleep(sizes.watched_s)
        passed_s = trio.current_time() - start_s
        cores = (sum(map(cpu_s, pids)) - before_s) / passed_s
        after = await _latencies(swarm)
        memory_mb = sum(view.status["memory_bytes"] for view in await swarm.views()) / 1e6
    found = [each for old, new in zip(before, after, strict=True) for each in new[len(old) :]]
    return Found(found, len(found) / len(swarm.members) / passed_s, cores, memory_mb)


async def _latencies(swarm: Swarm) -> list[list[float]]:
    return [(await member.ask("latencies"))["exchange_ms"] for member in swarm.members]


def measure_healing(figures: Figures, sizes: Sizes) -> None:
    """Two halves apart for a third of the run, and the same run unbroken."""
    if not sizes.halves:
        return
    train, test = digits_files()
    nodes, rounds = sizes.halves, 300
    command = [
        *(sys.executable, "-m", "gossipfl", "swarm", str(nodes), "--network", "namespaces"),
        *("--data", str(train), "--test", str(test), "--partition", "dirichlet:0.5"),
        *("--hidden", "32", "--keep-ratio", "0.05", "--learning-rate", "0.3"),
        # A swarm that gets no better, as while it is cut, may end after half of its rounds.
        *("--interval-s", "0.5", "--rounds", str(2 * rounds), "--json", "-"),
    ]
    half = nodes // 2
    groups = [[f"0-{half - 1}"], [f"{half}-{nodes - 1}"]]
    apart_s = rounds * 0.5 / 3
    script = "".join(
        f'[[events]]\nat_s = {at_s}\ndo = "{what}"\n{more}\n'
        for at_s, what, more in (
            (apart_s / 2, "cut", f"groups = {json.dumps(groups)}"),
            (1.5 * apart_s, "heal", ""),
        )
    )
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(script)
        file.flush()
        means = []
        for name, more in (("unbroken", ()), ("cut in two and healed", ("--faults", file.name))):
            progress(f"{nodes} processes in namespaces, {name}")
            run = subprocess.run([*command, *more], check=True, stdout=subprocess.PIPE)
            result = json.loads(run.stdout)
            means.append(100 * sum(result["scores"]) / len(result["scores"]))
            progress(f"mean {means[-1]:.2f} %, worst {100 * min(result['scores']):.2f} %")
    figures.add("healed-behind-unbroken", means[0] - means[1], "points", "<=", 1)


def _files(directory: Path, count: int) -> list[Path]:
    """A share of small synthetic readings for every node."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CLASSES, INPUTS))
    files = []
    for number in range(count):
        targets = rng.integers(0, CLASSES, ROWS)
        points = centres[targets] + rng.normal(size=(ROWS, INPUTS))
        files.append(directory / f"readings-{number}.npz")
        np.savez(files[-1], X=points.astype(np.float32), y=targets)
    return files


def _resident_mb() -> float:
    """Of this process, now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


PARTS: dict[str, Callable[[Figures, Sizes], None]] = {
    "agents": measure_agents,
    "processes": measure_processes,
    "healing": measure_healing,
}

if __name__ == "__main__":
    main()
