"""One gateway process, and a hundred devices that reach it through a real MQTT broker.

Run it as scripts/bench/devices [--quick].

A device is the C library's POSIX port, a process of its own with a perceptron 64-32-10, whose
datagrams pass through a client of Mosquitto over TLS, each device's own.  The gateway has an agent
for each, which gossip among themselves and with one node beside.  Once every device has made an
exchange, each frame's way through the broker to the gateway and the answer's way back are timed for
a minute, while every device makes an exchange in ten seconds; a frame that has to be repeated
counts from its first time on.  Memory is the gateway's resident set with all devices, less that
with one, for each of the others.
"""

import argparse
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import trio
from attrs import define, field
from figures import Figures, progress

from gossipfl.data.schema import Schema
from gossipfl.devices.mqtt import Connected, Published, Subscribed, connect, publish, subscribe
from gossipfl.errors import StateError
from gossipfl.manifest import Manifest
from gossipfl.models.sequential import perceptron
from gossipfl.node.gateway.broker_session import BrokerSession
from gossipfl.node.harness.behind import Behind
from gossipfl.node.harness.boards import PORTS, write_rows
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.mosquitto import (
    Certificates,
    free_port,
    make_certificates,
    mosquitto,
    tls,
)
from gossipfl.node.harness.swarm import Swarm, from_files

DEVICES, AT_ONCE, INTERVAL_S, START_S = 100, 10, 10, 300
WAITED_MAX_S, RATE_MIN = 1.0, 0.95
MANIFEST = Manifest(
    cluster="devices",
    schema=Schema(columns=64, target="y", classes=tuple(map(str, range(10)))),
    standardise="none",
    layers=perceptron((32,)),
)


def readings(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of ten classes that can be told apart."""
    rng, classes = np.random.default_rng(seed), np.arange(200) % 10
    centres = np.random.default_rng(0).normal(size=(10, 64))
    return (centres[classes] + rng.normal(0, 0.5, (200, 64))).astype(np.float32), classes


def build_device(folder: Path) -> Path:
    """The POSIX port, with rows of its own."""
    write_rows(folder / "rows.h", *readings(1))
    settings = [f"OUT={folder}", f"SAMPLES={folder / 'rows.h'}", str(folder / "device")]
    subprocess.run(["make", "-s", "-f", str(PORTS / "Makefile"), *settings], check=True)
    return folder / "device"


@define
class Bridged:
    """A device's process, whose datagrams go through the broker.

    waits: seconds from each question to its answer, while `measuring`.
    """

    name: str
    code: str
    folder: Path
    broker: int
    context: ssl.SSLContext
    waits: list[float] = field(factory=list)
    answered: int = 0
    measuring: bool = False
    _asked: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        udp = trio.socket.socket(type=trio.socket.SOCK_DGRAM)
        await udp.bind(("127.0.0.1", 0))
        session = await self._enter()
        to = ["127.0.0.1", str(udp.getsockname()[1]), str(self.folder / f"{self.name}.flash")]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_answers, session, udp)
            nursery.start_soon(self._pass_questions, session, udp)
            await trio.run_process(
                [self.folder / "device", *to, self.code], stdout=subprocess.DEVNULL
            )

    async def _enter(self) -> BrokerSession:
        stream = await trio.open_tcp_stream("127.0.0.1", self.broker)
        guarded = trio.SSLStream(stream, self.context, server_hostname="localhost")
        session = BrokerSession(guarded, 4096)
        await session.send(connect(self.name, 60, None, None))
        assert await session.receive() == Connected(None)
        await session.send(subscribe(f"gossipfl/{self.name}/down"))
        assert await session.receive() == Subscribed(True)
        return session

    async def _pass_questions(self, session: BrokerSession, udp: trio.socket.SocketType) -> None:
        while True:
            datagram, self._device = await udp.recvfrom(4096)
            if self._asked is None:
                self._asked = trio.current_time()
            await session.post(publish(f"gossipfl/{self.name}/up", datagram))

    async def _pass_answers(self, session: BrokerSession, udp: trio.socket.SocketType) -> None:
        put, answers = trio.open_memory_channel[Published](16)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.run, put.send_nowait)
            async for answer in answers:
                if self._asked is not None and self.measuring:
                    self.waits.append(trio.current_time() - self._asked)
                self._asked = None
                self.answered += 1
                await udp.sendto(answer.payload, self._device)

    _device: tuple[str, int] = field(default=("", 0), init=False)


def resident_bytes(member: Member) -> int:
    """What the member's process holds in memory now."""
    assert member.process is not None
    lines = Path(f"/proc/{member.process.pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return 1024 * int(line.split()[1])


def processor_s(member: Member) -> float:
    """What the member's process has computed so far."""
    assert member.process is not None
    parts = Path(f"/proc/{member.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / 100


async def all_exchanged(gateway: Member, count: int) -> list[int]:
    """Exchanges of every device, once all of so many have made one."""
    with trio.fail_after(START_S):
        while True:
            try:
                devices = (await gateway.ask("status"))["devices"]
            except StateError:
                raise gateway.died() from None
            exchanges = [device["exchanges"] for device in devices]
            if len(exchanges) == count and min(exchanges) > 0:
                return exchanges
            progress(f"{sum(each > 0 for each in exchanges)} of {count} devices have exchanged")
            await trio.sleep(2)


@asynccontextmanager
async def gateway_beside(folder: Path, broker: int, made: Certificates) -> AsyncIterator[Behind]:
    """A gateway that runs beside one node."""
    features, classes = readings(2)
    np.savez(folder / "readings.npz", X=features, y=classes)
    swarm = Swarm(folder, MANIFEST, from_files([folder / "readings.npz"]))
    address = f"127.0.0.1:{free_port()}"
    swarm.members[0].arguments += ["--listen", address, "--no-mdns"]
    common = ["--interval-s", str(INTERVAL_S)]
    wires = ["--mqtt", f"localhost:{broker}", "--mqtt-authority", str(made.authority)]
    behind = Behind(swarm, *wires, *common, "--no-mdns", "--peer", address)
    async with swarm.running(*common):
        await behind.gateway.start([])
        try:
            await behind.gateway.wait_for_answer()
            yield behind
        finally:
            with trio.CancelScope(shield=True):
                await behind.gateway.stop()


async def measure(folder: Path, count: int, window_s: float, figures: Figures) -> None:
    """Bring all devices up, and time them."""
    build_device(folder)
    made, broker = make_certificates(folder), free_port()
    context = ssl.create_default_context(cafile=made.authority)
    with mosquitto(folder, broker, *tls(made), "allow_anonymous true"):
        async with (
            gateway_beside(folder, broker, made) as behind,
            trio.open_nursery() as nursery,
        ):
            gateway, devices, alone = behind.gateway, list[Bridged](), 0
            for number in range(count):
                name = f"device-{number}"
                code = await trio.to_thread.run_sync(behind.enrol, name)
                devices.append(Bridged(name, code, folder, broker, context))
                nursery.start_soon(devices[-1].run)
                if number % AT_ONCE == 0:
                    await all_exchanged(gateway, len(devices))
                    alone = alone or resident_bytes(gateway)
            before, computed = await all_exchanged(gateway, count), processor_s(gateway)
            for device in devices:
                device.measuring = True
            await trio.sleep(window_s)
            after, computed = await all_exchanged(gateway, count), processor_s(gateway) - computed
            report(figures, devices, (sum(after) - sum(before)) / count, window_s)
            each = (resident_bytes(gateway) - alone) / max(1, count - 1)
            print(
                f"gateway: {resident_bytes(gateway) / 1e6:.0f} MB with {count} devices, "
                f"{alone / 1e6:.0f} MB with one, {each / 1e3:,.0f} kB a device; "
                f"{100 * computed / window_s:.0f} % of a core",
                flush=True,
            )
            nursery.cancel_scope.cancel()


def report(figures: Figures, devices: list[Bridged], exchanges: float, window_s: float) -> None:
    """How long answers took, and how many exchanges each device made in ten seconds."""
    waits = np.concatenate([device.waits for device in devices])
    median, late, latest = np.quantile(waits, (0.5, 0.99, 1))
    print(
        f"{len(waits)} answers to {len(devices)} devices in {window_s:g} s: median {median:.3f} s, "
        f"p99 {late:.3f} s, latest {latest:.3f} s",
        flush=True,
    )
    figures.add("gateway_answer_p99", float(late), "s", "<=", WAITED_MAX_S)
    figures.add("gateway_rate", exchanges * 10 / window_s, "exchanges/10s", ">=", RATE_MIN)


def main() -> None:
    """Measure, and end with the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="ten devices, for twenty seconds")
    quick = parser.parse_args().quick
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as name:
        trio.run(measure, Path(name), 10 if quick else DEVICES, 20 if quick else 60, figures)
    figures.finish()


if __name__ == "__main__":
    main()
