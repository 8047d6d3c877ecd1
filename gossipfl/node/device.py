"""Starts a node on a real device: files, kernels, sockets, signals."""

import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import trio

from gossipfl.central.coordinator import Coordinator
from gossipfl.config import NodeConfig
from gossipfl.errors import ConfigError, PeerError, StateError
from gossipfl.gossip.scheme import Scheme
from gossipfl.kernels import engine
from gossipfl.manifest import open_manifest
from gossipfl.node.agent import NO_LINKS, Agent, run_in
from gossipfl.node.eventlog import EventLog
from gossipfl.node.kernels import warm_kernels
from gossipfl.node.learners import Bring, open_material
from gossipfl.node.membership import Membership
from gossipfl.node.observer import Observer, Sink
from gossipfl.node.state.home import Home, read_bytes, write_private
from gossipfl.node.state.journal import RunBlocking
from gossipfl.node.state.store import Saved, Store, open_store
from gossipfl.node.status import serve_status
from gossipfl.node.supply import Supply
from gossipfl.node.surroundings import Surroundings, run_in_thread
from gossipfl.releases.envelope import FILE_MAX
from gossipfl.security.admission import JOIN_FILE_MAX, Admission, open_with
from gossipfl.security.identity import DeviceKey, encode_public, peer_id
from gossipfl.security.signed import SIGNED_MAX
from gossipfl.transports.base import LINKS_MAX
from gossipfl.transports.discovery import Discovery
from gossipfl.transports.multicast import outward_addresses
from gossipfl.transports.tcp import TcpTransport

DROPPED_INTERVAL_S = 10.0

Take = Callable[[bytes], Awaitable[None]]


class Device:
    """Everything of a node that can fail before the first peer is met, checked and opened.

    run_blocking: how the node trains and writes, beside or on the event loop.
    bring: opens what the node learns from, or leads others with.
    links_max: links to accept at a time.
    """

    def __init__(
        self,
        config: NodeConfig,
        *sinks: Sink,
        run_blocking: RunBlocking = run_in_thread,
        bring: Bring = open_material,
        links_max: int = LINKS_MAX,
    ) -> None:
        """Raises ConfigError, DataError or StateError: one line that says what to do."""
        self.home = Home(config.state)
        self._run_blocking = run_blocking
        self.log = EventLog(self.home.events, run_blocking)
        self.observer = Observer(self.log, *sinks)
        self.config = config
        self._links_max = links_max
        self.home.lock()
        try:
            self._open(bring)
        except BaseException:
            self.home.unlock()
            raise

    def _open(self, bring: Bring) -> None:
        self.key = self.home.device_key()
        admission = self._admission()
        self.manifest = open_manifest(admission.manifest, admission.authority)
        self.membership = self._membership(self.key, admission)
        self.material = bring(self.config, self.manifest, self.key.public, self.observer)
        self._check_role()
        self.store, self.saved = self._open_store()
        self.observer.emit("kernels.warming")
        warm_kernels(trains=isinstance(self.material, Supply))

    def _check_role(self) -> None:
        """What others take us for must be what we are."""
        certificate = self.membership.certificate
        if isinstance(self.material, Coordinator) == certificate.is_seed:
            return
        if certificate.is_seed:
            raise ConfigError(f"{certificate.name} was admitted as a seed: run `gossipfl seed`")
        raise ConfigError(
            f"{certificate.name} was admitted as no seed: the operator revokes it, and admits this "
            "device under another name with --role seed"
        )

    def _admission(self) -> Admission:
        if not self.home.admission.exists():
            raise ConfigError(
                f"this device is in no cluster yet. Its public key is "
                f"{encode_public(self.key.public)} ; the operator runs `gossipfl cluster admit "
                f"NAME --public-key KEY`, then start again with --join NAME.join"
            )
        return open_with(self.key, read_bytes(self.home.admission, JOIN_FILE_MAX))

    def _membership(self, key: DeviceKey, admission: Admission) -> Membership:
        path, stored = self.home.revocations, None
        if path.exists():
            stored = read_bytes(path, SIGNED_MAX)
        return Membership(
            key,
            admission,
            wall_clock=time.time,
            stored_revocations=stored,
            keep_revocations=lambda signed: self._run_blocking(write_private, path, signed),
        )

    def _open_store(self) -> tuple[Store, Saved]:
        store, saved, aside = open_store(self.home.database, self.manifest.id)
        if aside is not None:
            self.observer.emit(
                "state.damaged",
                aside=aside,
                advice="starting fresh; neighbours bring the model back",
            )
        return store, saved

    async def run(self) -> None:
        """Until SIGTERM or Ctrl-C, or until the configured number of rounds is done."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel_on_signal, nursery.cancel_scope, self.observer)
            await self.live(self.make_agent())
            nursery.cancel_scope.cancel()

    async def live(self, agent: Agent) -> None:
        """The agent and what only a real device has, files and a status socket, until cancelled or
        until its rounds are done.
        """
        # Shielded: what happens while everything else is being cancelled is logged as well.
        logging = trio.CancelScope(shield=True)
        try:
            async with trio.open_nursery() as outer:
                outer.start_soon(run_in, logging, self.log.run)
                try:
                    await self._run_agent(agent)
                finally:
                    self.observer.emit("node.stopped")
                    logging.cancel()
        finally:
            self.store.close()
            self.home.unlock()

    def make_agent(self, beyond: Mapping[bytes, Scheme] = NO_LINKS) -> Agent:
        """On this device's sockets and disk; to be run in a trio loop.  beyond: see Agent."""
        config, membership = self.config, self.membership
        around = Surroundings(
            transport=TcpTransport(config.listen, links_max=self._links_max),
            discovery=_discovery(config),
            run_blocking=self._run_blocking,
            observer=self.observer,
            rng=_make_rng(config.seed, self.key.public),
            wall_clock=time.time,
            hosts=outward_addresses,
        )
        self.observer.emit(
            "node.starting",
            name=membership.certificate.name,
            id=peer_id(self.key.public),
            cluster=self.manifest.cluster,
            private=", ".join(self.manifest.private) or None,
            kernels=engine.NAME,
            resumed_rounds=self.saved.model.rounds if self.saved.model else 0,
        )
        return Agent(
            config,
            self.manifest,
            membership,
            self.material,
            self.store,
            self.saved,
            around,
            beyond,
        )

    async def _run_agent(self, agent: Agent) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_status, self.home.status_socket, agent.answers.by_name())
            revocations, release = self.home.revocations, self.home.release
            nursery.start_soon(self._watch, revocations, SIGNED_MAX, agent.take_revocations)
            nursery.start_soon(self._watch, release, FILE_MAX, agent.take_release)
            await agent.run()
            nursery.cancel_scope.cancel()

    async def _watch(
        self, path: Path, limit: int, take: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Take what the operator drops into the directory of a running node."""
        seen = b""
        while True:
            await trio.sleep(DROPPED_INTERVAL_S)
            if not await trio.Path(path).exists():
                continue
            try:
                dropped = await self._run_blocking(read_bytes, path, limit)
                if dropped != seen:
                    seen = dropped
                    await take(dropped)
            except (PeerError, StateError) as error:
                self.observer.emit(f"{path.name}.refused", reason=str(error))


def _discovery(config: NodeConfig) -> Discovery | None:
    if not config.mdns:
        return None
    from gossipfl.transports.mdns import MdnsDiscovery  # zeroconf, and with it asyncio

    return MdnsDiscovery(config.interface)


def _make_rng(seed: int | None, public_key: bytes) -> np.random.Generator:
    """Devices that share a seed must still choose differently, their instance ids above all."""
    if seed is None:
        return np.random.default_rng()
    return np.random.default_rng([seed, *public_key])


async def cancel_on_signal(scope: trio.CancelScope, observer: Observer) -> None:
    """End everything in the scope when this process is asked to stop."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            observer.emit("node.stopping", signal=signal.Signals(number).name)
            scope.cancel()
            return


def print_events(event: dict[str, Any]) -> None:
    """A sink for people: one short line an event on standard error."""
    fields = " ".join(
        f"{key}={_short(value)}"
        for key, value in event.items()
        if key not in ("time_s", "event") and value is not None
    )
    clock = time.strftime("%H:%M:%S", time.localtime(float(event["time_s"])))
    print(f"{clock} {event['event']:<20} {fields}", file=sys.stderr, flush=True)


def print_json(event: dict[str, Any]) -> None:
    """A sink for programs: one JSON line an event on standard output."""
    print(json.dumps(event), flush=True)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


SINKS: dict[str, Callable[[dict[str, Any]], None] | None] = {
    "text": print_events,
    "json": print_json,
    "none": None,
}


def take_join_file(state: Path, join_file: Path) -> None:
    """Keep the operator's join file; raises ConfigError or Untrusted when it is not for us."""
    home = Home(state)
    open_with(home.device_key(), read_bytes(join_file, JOIN_FILE_MAX))
    home.take_admission(join_file)
