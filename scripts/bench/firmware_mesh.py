"""A mesh of three emulated devices behind a gateway and five node processes, beside one of eight.

The digits, an MLP 64-32-10, Dirichlet 0.5 over eight: the first three parts are the devices' own.
Devices are judged by the vector that they classify with, read out of their memory; nodes by the
model that they predict with; each several times in its last rounds, of which the mean counts, since
models of one mesh differ by half a point from round to round.  One run differs from the next by
more than a point, so there are several, each of other shares and from another model.  The first
node or device to have made its rounds ends the run, in both meshes, so that no device sends on
while slower ones catch up.  While a device fetches its first model, it is reset.
"""

import statistics
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import numpy as np
import trio
from attrs import frozen
from datasets.digits import digits_files
from figures import Figures, progress

from gossipfl.data.sources import infer_schema
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.node.harness.behind import enrol_behind
from gossipfl.node.harness.boards import KINDS, build, running, write_rows
from gossipfl.node.harness.demo import read_events
from gossipfl.node.harness.judge import Judge
from gossipfl.node.harness.lines import Line, line_of
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.parts import make_parts
from gossipfl.node.harness.swarm import Swarm, from_files

DEVICES = (("lamp", "mps2-an386"), ("pump", "mps2-an386"), ("valve", "riscv-virt"))
NODES, CLASSES = 8, 10
LOOKS = (190, 200, 210, 220, 230)
FLAGS = ("--interval-s", "1", "--resend-s", "3")
SEEDS = 3
SENT_MAX, ACCURACY_MIN, BEHIND_MAX = 40_000, 92.0, 1.0
# Of its 1.6 kB until the first exchange, a device has sent about half.
RESET_AT_BYTES = 800


@frozen
class Scores:
    """Per cent of the test rows; whether the device that was reset went on with its transfer."""

    nodes: list[float]
    devices: list[float]
    sent: list[int]
    resumed: bool


def measure_mesh(figures: Figures, seeds: int) -> None:
    """Both meshes, once a seed: the worst of all runs counts, but the mean of distances."""
    meshes, behind = [], []
    for seed in range(seeds):
        mesh, plain = trio.run(_run, DEVICES, seed), trio.run(_run, (), seed)
        mean = statistics.mean(plain.nodes)
        meshes.append(mesh)
        behind.append(mean - min(*mesh.nodes, *mesh.devices))
        progress(f"seed {seed}, eight nodes: {_shown(plain.nodes)}; mean {mean:.1f}")
        progress(f"five nodes and three agents: {_shown(mesh.nodes)}")
        progress(f"three devices: {_shown(mesh.devices)}; sent {mesh.sent} bytes")
        progress(f"the worst is {behind[-1]:.2f} points behind the eight")
    worst = min(score for mesh in meshes for score in mesh.devices)
    sent = max(count for mesh in meshes for count in mesh.sent)
    resumed = all(mesh.resumed for mesh in meshes)
    figures.add("mesh_device_accuracy", worst, "%", ">=", ACCURACY_MIN)
    figures.add("mesh_reset_resumed", float(resumed), "yes", ">=", 1)
    figures.add("mesh_device_sent", sent, "bytes", "<=", SENT_MAX)
    distance = statistics.mean(behind)
    figures.add("mesh_worst_behind_eight_nodes", distance, "points", "<=", BEHIND_MAX)


def _shown(scores: list[float]) -> str:
    return " ".join(f"{score:.1f}" for score in scores)


async def _run(devices: tuple[tuple[str, str], ...], seed: int) -> Scores:
    """Until one of them has made its rounds."""
    train, test = digits_files()
    with tempfile.TemporaryDirectory(prefix="gossipfl-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        manifest = Manifest(
            cluster="digits",
            schema=infer_schema(train),
            standardise="none",
            layers=perceptron((32,)),
            keep_ratio=0.05,
            training=TrainingSettings(learning_rate=0.3, batch_size=16, local_steps=20),
            seed=seed,
        )
        parts = make_parts(
            train, test, manifest.schema, "dirichlet:0.5", NODES, None, folder / "parts", seed=seed
        )
        swarm = Swarm(folder, manifest, from_files(parts.files[len(devices) :]))
        swarm.link_by_mdns(view=4)
        judge = Judge(manifest, parts.test)
        lines = {
            device: stack.enter_context(_board(kind, parts.files[number], folder / device))
            for number, (device, kind) in enumerate(devices)
        }
        async with swarm.running(*FLAGS), _gateway(swarm, lines) as gateway:
            agents = [Member(each, _place(gateway, each), []) for each in lines]
            nodes, boards = [], []
            for rounds in LOOKS:
                await _wait(swarm, gateway, rounds)
                views = [await swarm.view(member) for member in (*swarm.members, *agents)]
                made = [view.status["rounds"] for view in views[: len(swarm.members)]]
                progress(f"{rounds} rounds: nodes have made {min(made)} to {max(made)}")
                nodes.append([judge.score_view(view) for view in views])
                boards.append([_judged(line, judge) for line in lines.values()])
            resumed = all(_resumed(agent) for agent in agents[:1])
        sent = [line.sent for line in lines.values()]
    return Scores(_means(nodes), _means(boards), sent, resumed)


def _judged(line: Line, judge: Judge) -> float:
    anchor = line.board.vector("board_anchor", judge.manifest.parameters)
    return judge.score(anchor, None)


def _means(looks: list[list[float]]) -> list[float]:
    """Of each column, in per cent."""
    return [100 * statistics.mean(each) for each in zip(*looks, strict=True)]


@contextmanager
def _board(name: str, part: Path, folder: Path) -> Iterator[Line]:
    """A board that runs with these rows, and its line."""
    folder.mkdir()
    kind = KINDS[name]
    with np.load(part) as found:
        rows = found["X"].astype(np.float32), found["y"].astype(np.int64)
    write_rows(folder / "rows.h", *rows, CLASSES)
    program = build(kind, folder / "rows.h", folder)
    with running(kind, program, folder) as board, line_of(board) as line:
        yield line


@asynccontextmanager
async def _gateway(swarm: Swarm, lines: dict[str, Line]) -> AsyncIterator[Member]:
    """A gateway at the other end of the lines, if there are any, and the codes typed in."""
    flags = [flag for line in lines.values() for flag in ("--uart", line.path)]
    gateway, codes = enrol_behind(swarm, list(lines), *FLAGS, *flags)
    if not lines:
        yield gateway
        return
    async with trio.open_nursery() as nursery:
        await gateway.start([])
        try:
            await gateway.wait_for_answer()
            for name, line in lines.items():
                nursery.start_soon(line.run)
                line.board.uart.sendall(codes[name].encode() + b"\n")
            nursery.start_soon(_reset, next(iter(lines.values())))
            yield gateway
        finally:
            with trio.CancelScope(shield=True):
                await gateway.stop()
        nursery.cancel_scope.cancel()


async def _reset(line: Line) -> None:
    """In the middle of the first transfer."""
    await line.wait_sent(RESET_AT_BYTES)
    line.board.reset()
    progress(f"{line.board.kind.name} reset after {line.sent} bytes")


async def _wait(swarm: Swarm, gateway: Member, rounds: int) -> None:
    while True:
        if await _rounds(swarm, gateway) >= rounds:
            return
        await trio.sleep(0.5)


async def _rounds(swarm: Swarm, gateway: Member) -> int:
    """That the quickest has made; of a device, exchanges."""
    made = [view.status["rounds"] for view in await swarm.views()]
    if gateway.process is not None:
        made += [each["exchanges"] for each in (await gateway.ask("status"))["devices"]]
    return max(made)


def _place(gateway: Member, name: str) -> Path:
    return gateway.home / "devices" / name


def _resumed(agent: Member) -> bool:
    """It greeted twice, but was given its first model once."""
    events = [event["event"] for event in read_events(agent.events)]
    return events.count("device.greeted") >= 2 and events.count("device.seeded") == 1
