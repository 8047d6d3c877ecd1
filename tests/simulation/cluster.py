"""A whole cluster of agents in one process: real code, virtual time, a network in memory.

The same seed gives the same run to the event: keys, schedules, faults and choices all follow from
it, nothing runs in a thread and nothing iterates over a set.
"""

import hashlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import trio
import trio.testing
from numpy.typing import NDArray

from gossipfl.central.coordinator import Coordinator
from gossipfl.central.settings import CoordinatorSettings
from gossipfl.config import NodeConfig
from gossipfl.data.dataset import Dataset
from gossipfl.data.readings import Readings
from gossipfl.data.schema import Schema
from gossipfl.gossip.link import LinkState
from gossipfl.learning.execution import predict
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import KIND, Manifest
from gossipfl.membership.records import id_of
from gossipfl.node.agent import Agent
from gossipfl.node.folder import Folder
from gossipfl.node.gateway.learner import DeviceLearner
from gossipfl.node.gateway.service import DEVICE
from gossipfl.node.learners import Material
from gossipfl.node.observer import Event, Observer
from gossipfl.node.state.store import Saved, Store, open_store
from gossipfl.node.status import decode_vector
from gossipfl.node.supply import Supply
from gossipfl.node.surroundings import Surroundings
from gossipfl.releases.envelope import encode_file
from gossipfl.releases.publishing import Plan, compose, compose_settings
from gossipfl.releases.release import Release, sign_release
from gossipfl.releases.settings import change_settings, encode_settings
from gossipfl.releases.slices import SALT_BYTES
from gossipfl.security.admission import Admission
from gossipfl.security.authority import Authority
from gossipfl.security.identity import DeviceKey
from gossipfl.security.revocations import RevocationList, open_revocations
from gossipfl.transports.faults import Faults
from gossipfl.transports.memory import MemoryNetwork
from gossipfl.wire.releases import MODEL, SETTINGS
from tests.simulation.air import Air, AirDiscovery
from tests.simulation.device import START_S, Brought, Device
from tests.simulation.pausing import PausingTransport

Vector = NDArray[np.float32]
SEED: Final = int(os.environ.get("GOSSIPFL_TEST_SEED", "0"))
VALID_DAYS: Final = 10
# Six parameters of which two are sent; at half of them the control variate overshoots.
MANIFEST: Final = Manifest(
    cluster="simulated",
    schema=Schema(columns=("x", "y"), target="side", classes=("left", "right")),
    standardise="none",
    layers=(),
    training=TrainingSettings(learning_rate=0.2, local_steps=3, batch_size=8),
    keep_ratio=0.34,
)


class Cluster:
    """An authority, the devices it admitted, and the network between them.

    near: another cluster whose network this one shares, but neither authority nor key.
    settings: of every node, as in NodeConfig.
    """

    def __init__(
        self,
        directory: Path,
        readings: list[Brought],
        *,
        seed: int = SEED,
        manifest: Manifest = MANIFEST,
        faults: Faults | None = None,
        near: "Cluster | None" = None,
        name: str = "node",
        **settings: Any,
    ) -> None:
        # Shown on failure; everything else that a test draws follows from the same variable.
        print(f"cluster of {len(readings)}: replay with GOSSIPFL_TEST_SEED={SEED}")
        self.rng = np.random.default_rng([seed, *name.encode()])
        self.manifest = manifest
        self.network = near.network if near else MemoryNetwork(self.rng.spawn(1)[0], faults)
        self.air = near.air if near else Air()
        self.trace: list[tuple[str, Event]] = []
        self._directory = directory
        self._settings = settings
        self._authority = Authority.from_seed(self.rng.bytes(32))
        self._cluster_key = self.rng.bytes(32)
        self._signed_manifest = self._authority.sign(KIND, manifest.body)
        self.revocations = self._authority.revoke(RevocationList())
        self.devices = [self.admit(f"{name}-{i}", each) for i, each in enumerate(readings)]
        self._nursery: trio.Nursery | None = None

    def admit(self, name: str, readings: Brought, *, clock_s: float = 0.0) -> Device:
        """A device with a serial number of its own, switched off; valid from `clock_s` on."""
        key = DeviceKey.from_secret(self.rng.bytes(32))
        serial = 1 + int(self.rng.integers(2**31))
        roles = ("seed",) if isinstance(readings, CoordinatorSettings) else ("peer",)
        now_s = START_S + clock_s
        signed = self._authority.admit(name, key.public, roles, serial, now_s, VALID_DAYS)
        admission = Admission(
            authority=self._authority.public,
            cluster_key=self._cluster_key,
            certificate=signed,
            manifest=self._signed_manifest,
            revocations=self.revocations,
        )
        home = self._directory / name / "0"
        home.mkdir(parents=True)
        plain = {"interval_s": 1.0, "resend_s": 3.0, "validation": 0.0} | self._settings
        config = NodeConfig(state=home, **plain)
        return Device(name, key, admission, readings, home, config, self.manifest)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Cluster"]:
        """Nodes run inside this block; at its end those that still do are stopped."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                yield self
            finally:
                nursery.cancel_scope.cancel()
                for device in self.devices:
                    device.gate.open()

    async def start(self, *devices: Device) -> None:
        """Switch these devices on, or all of them; each listens when this returns."""
        assert self._nursery is not None
        for device in devices or tuple(self.devices):
            await self._nursery.start(self._live, device)

    async def _live(
        self, device: Device, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
    ) -> None:
        device.powered, device.stopped = True, trio.Event()
        device.store, saved, _ = open_store(device.directory / "state.db", device.manifest.id)
        try:
            with trio.CancelScope() as device.scope:
                device.agent = self._agent(device, device.store, saved)
                await device.agent.run(task_status=task_status)
        finally:
            device.agent = None
            device.store.close()
            device.stopped.set()

    def _agent(self, device: Device, store: Store, saved: Saved) -> Agent:
        around = Surroundings(
            transport=PausingTransport(self.network.transport(device.address), device.gate),
            discovery=AirDiscovery(self.air, device.address, lambda: device.powered)
            if device.config.mdns
            else None,
            run_blocking=device.run_blocking,
            observer=Observer(
                device.events.append,
                lambda event: self.trace.append((device.name, event)),
                wall_clock=trio.current_time,
            ),
            rng=np.random.default_rng([int(self.rng.integers(2**32)), *device.key.public]),
            wall_clock=trio.current_time,
            hosts=lambda: (),
        )
        material = self._material(device)
        return Agent(
            device.config,
            device.manifest,
            device.membership(),
            material,
            store,
            saved,
            around,
            {DEVICE: material.plan.replayed()} if isinstance(material, DeviceLearner) else {},
        )

    def _material(self, device: Device) -> Material:
        """A learner as it is; a seed's coordinator; readings with the folder beside them."""
        if isinstance(device.readings, CoordinatorSettings):
            rng = self.rng.spawn(1)[0]
            return Coordinator(device.readings, device.manifest.parameters, rng)
        if not isinstance(device.readings, Dataset):
            return device.readings
        readings = Readings(device.config.validation, device.config.rows_max, device.key.public)
        readings.add(device.readings, "")
        folder = Folder(device.folder, device.manifest.schema) if device.folder else None
        return Supply(readings, folder)

    async def stop(self, *devices: Device) -> None:
        """As SIGTERM does, all in the same instant."""
        chosen = [each for each in devices or tuple(self.devices) if each.agent is not None]
        for device in chosen:
            assert device.scope is not None
            device.scope.cancel()
            device.gate.open()
        for device in chosen:
            await device.stopped.wait()

    async def kill(self, device: Device) -> None:
        """As `kill -9` does: the disk stays as it is now, the links break, nobody says goodbye."""
        image = device.directory.with_name(str(int(device.directory.name) + 1))
        device.powered = False
        shutil.copytree(device.directory, image, ignore=shutil.ignore_patterns("*-shm"))
        await self.stop(device)
        device.directory = image

    def digest(self) -> str:
        """The hash over everything that all nodes have reported, in order."""
        return hashlib.sha256(json.dumps(self.trace).encode()).hexdigest()

    def wipe(self, device: Device) -> None:
        """A new disk; the key was on another one."""
        for file in device.directory.iterdir():
            file.unlink()

    def revoke(self, device: Device) -> bytes:
        """The list that shuts it out."""
        current = open_revocations(self.revocations, authority=self._authority.public)
        serial = device.membership().certificate.serial
        self.revocations = self._authority.revoke(current, serial)
        return self.revocations

    def release(self, number: int, model: Vector, plan: Plan) -> bytes:
        """The file of a release for all devices, as the operator makes it."""
        members = [id_of(device.key.public) for device in self.devices]
        salt = self.rng.bytes(SALT_BYTES)
        release, content = compose(number, self.manifest.id, model, members, salt, plan)
        return encode_file(sign_release(self._authority, release), content)

    def settings_release(
        self, number: int, plan: Plan, former: dict[str, Any] | None = None, **changes: Any
    ) -> bytes:
        """The same of settings; former: what the ones before change."""
        members = [id_of(device.key.public) for device in self.devices]
        both = self._changed(changes), self._changed(former or {})
        salt = self.rng.bytes(SALT_BYTES)
        release, _ = compose_settings(number, self.manifest.id, *both, members, salt, plan)
        return encode_file(sign_release(self._authority, release), b"")

    def _changed(self, changes: dict[str, Any]) -> bytes:
        return encode_settings(change_settings(self.manifest.training, changes))

    def withdrawal(self, number: int, withdraws: int, subject: int = MODEL) -> bytes:
        """The file that ends a release; of settings, those of the manifest are in force again."""
        settings = self._changed({}) if subject == SETTINGS else b""
        release = Release(
            number=number,
            manifest_id=self.manifest.id,
            withdraws=withdraws,
            salt=bytes(SALT_BYTES),
            subject=subject,
            settings=settings,
            former=settings,
        )
        return encode_file(sign_release(self._authority, release), b"")

    def live_pairs(self) -> Iterator[tuple[Device, Device]]:
        """Pairs that both see a link between them."""
        running = [each for each in self.devices if each.agent is not None]
        for i, one in enumerate(running):
            for other in running[i + 1 :]:
                if other.name in one.neighbours() and one.name in other.neighbours():
                    yield one, other

    def groups(self) -> list[list[str]]:
        """Names of running devices that are connected, directly or through others."""
        found: dict[str, list[str]] = {}
        for device in self.devices:
            if device.agent is not None:
                found[device.name] = [device.name]
        for one, other in self.live_pairs():
            if found[one.name] is not found[other.name]:
                found[one.name] += found[other.name]
                for name in found[other.name]:
                    found[name] = found[one.name]
        return [sorted(group) for name, group in found.items() if group[0] == name]

    def links(self, device: Device) -> dict[bytes, LinkState]:
        """What a device that was stopped cleanly has on its disk, by the peer's key."""
        store, saved, _ = open_store(device.directory / "state.db", device.manifest.id)
        store.close()
        assert saved.rows == []
        return {peer: link for peer, (_, link) in saved.links.items()}

    def accuracy(self, device: Device, test: Dataset) -> float:
        """Of the averaged model, on readings that no node has."""
        answer = device.running.answers.model()
        features = test.features
        if answer["mean"] is not None:
            mean, inverse = map(decode_vector, (answer["mean"], answer["inverse_deviation"]))
            features = (features - mean) * inverse
        scores = predict(device.manifest.model(), decode_vector(answer["average"]), features)
        return float((scores.argmax(1) == test.targets).mean())


async def settle() -> None:
    """Let everything happen that is due now."""
    await trio.testing.wait_all_tasks_blocked()


async def until(condition: Callable[[], bool], *, within_s: float) -> None:
    """Virtual seconds pass until the condition holds."""
    for _ in range(round(within_s / 0.1)):
        if condition():
            return
        await trio.sleep(0.1)
    raise AssertionError(f"not within {within_s:g} virtual seconds")
