"""One device in this process: its agent, its service, and what the operator asks for in between."""

from collections.abc import Callable
from functools import partial
from typing import Final

import attrs
import trio

from gossipfl.agreement import Agreement
from gossipfl.config import NodeConfig
from gossipfl.errors import StateError
from gossipfl.node.device import Device
from gossipfl.node.gateway.learner import DeviceLearner
from gossipfl.node.gateway.proxy import Proxy
from gossipfl.node.gateway.register import Place
from gossipfl.node.gateway.service import (
    DEVICE,
    DeviceService,
    kept_keyring,
    restore_samples,
)
from gossipfl.node.gateway.suitability import plan_for
from gossipfl.node.observer import Event, Observer, Sink
from gossipfl.node.state.journal import RunBlocking

LOOK_S: Final = 2.0
SEED_BYTES: Final = 4


class Hosted:
    """Opened from its place, which blocks; then run in a trio loop."""

    def __init__(
        self,
        place: Place,
        config: NodeConfig,
        *sinks: Sink,
        run_blocking: RunBlocking,
        takes_samples: bool,
    ) -> None:
        """takes_samples: the operator lets this device send them, to be trained on here.

        Raises ConfigError, StateError or Untrusted: why this device cannot be served."""
        self._place = place
        self._rotating = False
        self._device = Device(
            attrs.evolve(config, state=place.home.path),
            *(_named(place.name, sink) for sink in sinks),
            run_blocking=run_blocking,
            bring=partial(_bring, takes_samples),
        )
        self._observer = self._device.observer
        # A counter that a power cut took back would seal two answers under one nonce.
        self._device.store.outlast_power_cuts()

    def service(self) -> DeviceService:
        """To be made once, before `run`."""
        device, learner = self._device, self._device.material
        assert isinstance(learner, DeviceLearner)
        self._agent = device.make_agent({DEVICE: learner.plan.replayed()})
        restore_samples(device.saved, learner, self._agent.journal)
        keyring = kept_keyring(device.saved, self._place.enrolment())
        self._service = DeviceService(
            self._place.name, self._agent, learner, keyring, device.observer
        )
        return self._service

    async def run(self) -> None:
        """Until cancelled, or until the device is to leave."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._device.live, self._agent)
            nursery.start_soon(self._service.run)
            await self._look_after()
            nursery.cancel_scope.cancel()

    async def _look_after(self) -> None:
        """Do what is asked for by files in the device's place, until it is to leave."""
        while self._place.is_ready:
            try:
                self._take_enrolment()
                self._rotate()
            except StateError as error:
                self._observer.emit("device.failed", reason=str(error))
            await trio.sleep(LOOK_S)
        self._observer.emit("device.leaves")

    def _take_enrolment(self) -> None:
        enrolled = self._place.enrolment()
        if enrolled.identity.id != self._service.keyring.identity.id:
            self._service.enrol(enrolled)
            self._observer.emit("device.enrolled")

    def _rotate(self) -> None:
        if not self._place.wants_rotation:
            return
        if not self._rotating:
            self._service.rotate()
            self._rotating = True
        elif not self._service.rotating:
            self._place.note_rotated()
            self._rotating = False
            key = self._service.keyring.identity.epoch
            self._observer.emit("device.rotated", key=key)


def _bring(
    takes_samples: bool,
    config: NodeConfig,
    manifest: Agreement,
    own_key: bytes,
    observer: Observer,
) -> DeviceLearner:
    plan, seed = plan_for(manifest, config), int.from_bytes(own_key[:SEED_BYTES], "big")
    return DeviceLearner(plan, Proxy(plan, seed) if takes_samples else None)


def _named(name: str, sink: Sink) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        sink({**event, "device": name})

    return tell
