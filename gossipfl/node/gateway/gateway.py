"""The process: a node for every device, the wires they come by, and who gets which frame."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import trio

from gossipfl import __version__
from gossipfl.config import NodeConfig
from gossipfl.devices.frames import read_head
from gossipfl.errors import ConfigError, GossipFLError, PeerError, RemoteProtocolError
from gossipfl.node.agent import run_in
from gossipfl.node.device import cancel_on_signal
from gossipfl.node.eventlog import EventLog
from gossipfl.node.gateway.hosted import Hosted
from gossipfl.node.gateway.register import Place, Register
from gossipfl.node.gateway.service import DeviceService
from gossipfl.node.gateway.sparingly import Sparingly
from gossipfl.node.gateway.wires import Arrival, Wire
from gossipfl.node.memory import peak_bytes
from gossipfl.node.observer import Observer, Sink
from gossipfl.node.state.journal import RunBlocking
from gossipfl.node.status import Answer, serve_status
from gossipfl.node.surroundings import run_in_thread

LOOK_S: Final = 2.0
RETRY_S: Final = 30.0


class Gateway:
    """Serves all devices that are enrolled and admitted, those that will be later too.

    config: of every agent; its state directory is left out of account.
    run_blocking: see Device.
    """

    def __init__(
        self,
        register: Register,
        config: NodeConfig,
        wires: Sequence[Wire],
        *sinks: Sink,
        run_blocking: RunBlocking = run_in_thread,
        takes_samples: Collection[str] = (),
    ) -> None:
        """takes_samples: names of devices that may send theirs, to be trained on here.

        Raises StateError when another gateway runs here.
        """
        register.home.lock()
        self._register = register
        self._config = config
        self._wires = wires
        self._sinks = sinks
        self._run_blocking = run_blocking
        self._takes_samples = takes_samples
        self._log = EventLog(register.home.events, run_blocking)
        self._observer = Observer(self._log, *sinks)
        self._sparingly = Sparingly(self._observer)
        self._services: dict[str, DeviceService] = {}
        self._hosted: set[str] = set()
        self._failed_s: dict[str, float] = {}

    async def run(self) -> None:
        """Until SIGTERM or Ctrl-C.  Raises ConfigError when a wire can never be as it was named."""
        logging = trio.CancelScope(shield=True)
        async with trio.open_nursery() as outer:
            outer.start_soon(run_in, logging, self._log.run)
            try:
                async with trio.open_nursery() as nursery:
                    await self._start(nursery)
                    await self._watch_register(nursery)
            finally:
                self._observer.emit("gateway.stopped")
                logging.cancel()

    async def _start(self, nursery: trio.Nursery) -> None:
        nursery.start_soon(cancel_on_signal, nursery.cancel_scope, self._observer)
        answers: dict[str, Callable[[], Answer]] = {"status": self.status}
        await nursery.start(serve_status, self._register.home.status_socket, answers)
        for wire in self._wires:
            nursery.start_soon(self._serve, wire)

    async def _serve(self, wire: Wire) -> None:
        """A wire that was good once may go away, as USB does, and come back; brokers come late."""
        was_good, pause_s = False, LOOK_S
        while True:
            try:
                async with trio.open_nursery() as nursery:
                    name = await nursery.start(wire.serve, self._take)
                    self._observer.emit("wire.up", link=name)
                    was_good, pause_s = True, LOOK_S
            except* (PeerError, ConfigError) as group:
                error = _first(group)
                if isinstance(error, ConfigError) and not was_good:
                    raise
                self._sparingly.emit("wire.down", wire.name, link=wire.name, reason=str(error))
            await trio.sleep(pause_s)
            pause_s = min(2 * pause_s, RETRY_S)

    def _take(self, arrival: Arrival) -> None:
        """To the device that it claims to come from, whose service finds out."""
        try:
            claimed = read_head(arrival.frame).id
        except RemoteProtocolError as error:
            self._sparingly.emit("frame.refused", "", link=arrival.origin, reason=str(error))
            return
        for service in self._services.values():
            if service.keyring.identity.id == claimed:
                service.take(arrival)
                return
        self._sparingly.emit("frame.unknown", "", link=arrival.origin, id=claimed.hex())

    async def _watch_register(self, nursery: trio.Nursery) -> None:
        """Serve devices from when they are admitted."""
        while True:
            for name in self._register.ready():
                if name not in self._hosted and self._may_try(name):
                    self._hosted.add(name)
                    nursery.start_soon(self._host, self._register.place(name))
            await trio.sleep(LOOK_S)

    def _may_try(self, name: str) -> bool:
        return trio.current_time() - self._failed_s.get(name, -RETRY_S) >= RETRY_S

    async def _host(self, place: Place) -> None:
        """One device and its agent; what ends them ends no other."""
        try:
            hosted = await self._run_blocking(self._open, place)
            self._services[place.name] = hosted.service()
            await hosted.run()
        except* GossipFLError as group:
            self._failed_s[place.name] = trio.current_time()
            reason = str(_first(group))
            self._sparingly.emit("device.failed", place.name, device=place.name, reason=reason)
        finally:
            self._services.pop(place.name, None)
            self._hosted.discard(place.name)

    def _open(self, place: Place) -> Hosted:
        return Hosted(
            place,
            self._config,
            *self._sinks,
            run_blocking=self._run_blocking,
            takes_samples=place.name in self._takes_samples,
        )

    def status(self) -> Answer:
        """Every device that is served, and every wire."""
        services = sorted(self._services.items())
        return {
            "version": __version__,
            "wires": [wire.name for wire in self._wires],
            "devices": [service.status() for _, service in services],
            "memory_bytes": peak_bytes(),
            "events": dict(sorted(self._observer.counts.items())),
        }


def _first(group: BaseExceptionGroup[GossipFLError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        (error, *_) = error.exceptions
    return error
