"""Devices that are the C library, behind agents of a simulated cluster, all in virtual time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import trio

from gossipfl.config import NodeConfig
from gossipfl.data.dataset import Dataset
from gossipfl.devices.frames import FRAME_MAX
from gossipfl.devices.framing import Deframer, enframe
from gossipfl.devices.keyring import Keyring, keyring_of
from gossipfl.devices.keys import print_code
from gossipfl.learning.execution import predict
from gossipfl.manifest import Manifest
from gossipfl.node.gateway.learner import DeviceLearner
from gossipfl.node.gateway.proxy import Proxy
from gossipfl.node.gateway.service import DeviceService, kept_keyring, restore_samples
from gossipfl.node.gateway.suitability import plan_for
from gossipfl.node.gateway.wires import Arrival
from gossipfl.node.observer import Observer
from gossipfl.node.state.store import Saved, open_store
from tests.firmware.device import NEVER, Device
from tests.firmware.library import Firmware
from tests.simulation.cluster import MANIFEST, Cluster
from tests.simulation.device import Device as Machine


@attrs.define(eq=False)
class Thing:
    """A microcontroller on a wire whose other end is whoever has plugged it in.

    heard: every frame that it has sent.
    """

    device: Device
    plugged: Callable[[Arrival], None] | None = None
    heard: list[bytes] = attrs.Factory(list)
    _coming: bytes = b""
    _woken: trio.Event = attrs.Factory(trio.Event)
    _deframer: Deframer = attrs.Factory(lambda: Deframer(FRAME_MAX))

    async def run(self) -> None:
        gone_ms = 0
        while True:
            self._woken, coming, self._coming = trio.Event(), self._coming, b""
            due_ms, content = self.device.poll(gone_ms, coming)
            for frame in self._deframer.feed(content):
                self.heard.append(frame)
                if self.plugged is not None:
                    self.plugged(Arrival(frame, "air", self._answer))
            before_s = trio.current_time()
            with trio.move_on_after(float("inf") if due_ms == NEVER else due_ms / 1000):
                await self._woken.wait()
            await trio.lowlevel.checkpoint()
            gone_ms = round(1000 * (trio.current_time() - before_s))

    async def _answer(self, frame: bytes) -> None:
        self._coming += enframe(frame)
        self.wake()

    def wake(self) -> None:
        """It is looked after at once."""
        self._woken.set()


class Behind:
    """A cluster whose first nodes stand for devices with these readings."""

    def __init__(
        self,
        directory: Path,
        firmware: Firmware,
        things: list[Dataset],
        nodes: list[Dataset],
        manifest: Manifest = MANIFEST,
        takes_samples: bool = False,
        **settings: Any,
    ) -> None:
        self.things = [
            Thing(Device(firmware, each.features, each.targets, chance=number))
            for number, each in enumerate(things)
        ]
        self._codes = [bytes([number + 1] * 16) for number in range(len(things))]
        self._firmware = firmware
        self._config = NodeConfig(**{"interval_s": 1.0, **settings})
        self.takes_samples = takes_samples
        learners = [self._learner(manifest) for _ in things]
        self.cluster = Cluster(directory, [*learners, *nodes], manifest=manifest, **settings)
        self.services: list[DeviceService] = []
        self._scopes: dict[int, trio.CancelScope] = {}

    def _learner(self, manifest: Manifest) -> DeviceLearner:
        plan = plan_for(manifest, self._config)
        return DeviceLearner(plan, Proxy(plan, 1) if self.takes_samples else None)

    def machine(self, number: int) -> Machine:
        """Where a device's agent runs."""
        return self.cluster.devices[number]

    async def start(self, nursery: trio.Nursery) -> None:
        """Everything; devices get their codes."""
        await self.cluster.start(*self.cluster.devices[len(self.things) :])
        for number, thing in enumerate(self.things):
            await self.start_agent(nursery, number)
            assert thing.device.enrol(print_code(self._codes[number]))
            nursery.start_soon(thing.run)

    async def start_agent(self, nursery: trio.Nursery, number: int) -> DeviceService:
        """A device's agent and service, from what is on disk."""
        machine = self.machine(number)
        keyring, saved = self.stored_keyring(number), self._saved(number)
        machine.readings = learner = self._learner(machine.manifest)
        await self.cluster.start(machine)
        restore_samples(saved, learner, machine.running.journal)
        observer = Observer(machine.events.append, wall_clock=trio.current_time)
        service = DeviceService(machine.name, machine.running, learner, keyring, observer)
        self.services[number : number + 1] = [service]
        self.things[number].plugged = service.take
        nursery.start_soon(self._serve, number, service)
        return service

    def stored_keyring(self, number: int) -> Keyring:
        """What an agent that starts now goes by."""
        return kept_keyring(self._saved(number), keyring_of(self._codes[number]))

    def _saved(self, number: int) -> Saved:
        machine = self.machine(number)
        store, saved, _ = open_store(machine.directory / "state.db", machine.manifest.id)
        store.close()
        return saved

    async def _serve(self, number: int, service: DeviceService) -> None:
        with trio.CancelScope() as self._scopes[number]:
            await service.run()

    async def kill_agent(self, number: int) -> None:
        """As `kill -9` of the gateway does."""
        self.things[number].plugged = None
        self._scopes[number].cancel()
        await self.cluster.kill(self.machine(number))

    def accuracy(self, number: int, test: Dataset) -> float:
        """Of what the device itself classifies with."""
        manifest = self.cluster.manifest
        anchor = self.things[number].device.vector("R", manifest.parameters)
        scores = predict(manifest.model(), anchor, test.features)
        return float((scores.argmax(1) == test.targets).mean())

    def told(self, number: int, event: str) -> list[dict[str, Any]]:
        """Events of one kind about a device."""
        return [each for each in self.machine(number).events if each["event"] == event]
