"""Peers on the local network by multicast DNS (RFC 6762): for joins and goodbyes only.

zeroconf keeps an event loop in a thread of its own.  What it notices crosses into trio by the trio
token; what we ask of it blocks, so it runs in trio's threads.
"""

import ipaddress
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import attrs
import ifaddr
import trio
from zeroconf import (
    EventLoopBlocked,
    IPVersion,
    ServiceInfo,
    ServiceListener,
    ServiceNameAlreadyRegistered,
    Zeroconf,
)

from gossipfl.errors import ConfigError
from gossipfl.transports.discovery import (
    ADDRESSES_MAX,
    Announcement,
    Discovery,
    DiscoveryUnavailable,
    OnSighting,
    Sighting,
)
from gossipfl.transports.mdns_records import (
    SERVICE,
    instance_of,
    properties_of,
    service_name,
    sighting_of,
)
from gossipfl.transports.multicast import multicast_fault

RECHECK_S = 30.0
GOODBYE_MAX_S = 3.0
_LOOKUP_MAX_MS = 1000
_REGISTER_AGAIN_S = 5.0
_EVENTS_MAX = 1024
_REPORTED_MAX = 1024


class MdnsDiscovery(Discovery):
    """Announces over IPv4 multicast on the given interfaces.

    interfaces: their IPv4 addresses; by default all of this device but loopback, or loopback alone.
    recheck_s: seconds between looks at our own addresses; when they change, as they do on another
        Wi-Fi, we announce ourselves anew.
    """

    def __init__(self, interfaces: Sequence[str] = (), *, recheck_s: float = RECHECK_S) -> None:
        for interface in interfaces:
            _check_ipv4(interface)
        self._interfaces = tuple(interfaces)
        self._recheck_s = recheck_s

    async def run(
        self,
        announcement: Announcement,
        on_sighting: OnSighting,
        *,
        task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        node = _Node(announcement, on_sighting)
        await self._run_until_changed(node, task_status)
        while True:
            try:
                await self._run_until_changed(node, trio.TASK_STATUS_IGNORED)
            except DiscoveryUnavailable:  # the network went away: it may come back
                await trio.sleep(self._recheck_s)

    async def _run_until_changed(self, node: "_Node", task_status: trio.TaskStatus[str]) -> None:
        present = self._present()
        usable = await _usable(present)
        async with _zeroconf_on(usable) as zeroconf, trio.open_nursery() as nursery:
            # Browse first: answers come in while our own announcement is under way.
            await nursery.start(_browse, zeroconf, node)
            nursery.start_soon(_register, zeroconf, node.service(usable))
            task_status.started(node.instance)
            await self._wait_for_change(present)
            nursery.cancel_scope.cancel()

    async def _wait_for_change(self, present: tuple[str, ...]) -> None:
        while True:
            await trio.sleep(self._recheck_s)
            if self._present() != present:
                return

    def _present(self) -> tuple[str, ...]:
        """Those of our interfaces that exist now."""
        own = own_addresses()
        if self._interfaces:
            return tuple(each for each in self._interfaces if each in own)
        outward = [each for each in own if not ipaddress.ip_address(each).is_loopback]
        return tuple(outward or own)


class _Node:
    """What we say about ourselves, and what we have reported of others."""

    def __init__(self, announcement: Announcement, on_sighting: OnSighting) -> None:
        self.instance = secrets.token_hex(8)
        self._announcement = announcement
        self._on_sighting = on_sighting
        self._reported: dict[str, Sighting] = {}

    def service(self, addresses: Sequence[str]) -> ServiceInfo:
        return ServiceInfo(
            SERVICE,
            service_name(self.instance),
            addresses=[socket.inet_aton(address) for address in addresses[:ADDRESSES_MAX]],
            port=self._announcement.port,
            properties=properties_of(self._announcement),
            server=f"{self.instance}.local.",  # by default it would be the device's name
        )

    def is_peer(self, name: str) -> bool:
        """Worth a look: a name as our nodes have, and not our own."""
        return instance_of(name) not in (None, self.instance)

    def came(self, sighting: Sighting) -> None:
        """Report a peer of our cluster, unless we said the same of it before."""
        wanted = self._announcement
        if (sighting.cluster_tag, sighting.version) != (wanted.cluster_tag, wanted.version):
            return
        is_full = len(self._reported) >= _REPORTED_MAX
        if self._reported.get(sighting.instance) == sighting or (
            is_full and sighting.instance not in self._reported
        ):
            return
        self._reported[sighting.instance] = sighting
        self._on_sighting(sighting)

    def left(self, name: str) -> None:
        """Report the goodbye of a peer that we reported before."""
        sighting = self._reported.pop(instance_of(name) or "", None)
        if sighting is not None:
            self._on_sighting(attrs.evolve(sighting, addresses=(), present=False))


class _Listener(ServiceListener):
    """Called in zeroconf's thread: hands each event to trio's, and never waits.

    An event that finds the queue full is lost, which a network in such turmoil must allow for.
    """

    def __init__(self, events: trio.MemorySendChannel[tuple[str, bool]]) -> None:
        self._events = events
        self._token = trio.lowlevel.current_trio_token()

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._tell(name, True)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._tell(name, True)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._tell(name, False)

    def _tell(self, name: str, present: bool) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._put, (name, present))

    def _put(self, event: tuple[str, bool]) -> None:
        with suppress(trio.WouldBlock, trio.BrokenResourceError):
            self._events.send_nowait(event)


async def _browse(
    zeroconf: Zeroconf,
    node: _Node,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Report what comes and goes, one after the other, so that no goodbye is overtaken."""
    send, events = trio.open_memory_channel[tuple[str, bool]](_EVENTS_MAX)
    listener = _Listener(send)
    await trio.to_thread.run_sync(zeroconf.add_service_listener, SERVICE, listener)
    task_status.started()
    with events:
        async for name, present in events:
            if not present:
                node.left(name)
            elif node.is_peer(name) and (sighting := await _look_up(zeroconf, name)):
                node.came(sighting)


async def _look_up(zeroconf: Zeroconf, name: str) -> Sighting | None:
    """Nearly always from zeroconf's cache: the announcement that woke us holds all records."""
    info = await trio.to_thread.run_sync(
        zeroconf.get_service_info, SERVICE, name, _LOOKUP_MAX_MS, abandon_on_cancel=True
    )
    if info is None:
        return None
    return sighting_of(name, info.parsed_scoped_addresses(), info.port, info.text or b"")


async def _register(zeroconf: Zeroconf, service: ServiceInfo) -> None:
    """Announce at once, without probing whether the name is taken: it is random."""
    while True:
        try:
            await trio.to_thread.run_sync(
                lambda: zeroconf.register_service(service, cooperating_responders=True),
                abandon_on_cancel=True,
            )
        except ServiceNameAlreadyRegistered:  # the attempt before got that far
            return
        except EventLoopBlocked:  # the device was busy for ten seconds
            await trio.sleep(_REGISTER_AGAIN_S)
        else:
            return


@asynccontextmanager
async def _zeroconf_on(addresses: Sequence[str]) -> AsyncIterator[Zeroconf]:
    """zeroconf's thread; says goodbye for us in the end, but never holds us up for long."""
    zeroconf = await trio.to_thread.run_sync(_open, addresses)
    try:
        yield zeroconf
    finally:
        with trio.CancelScope(shield=True), trio.move_on_after(GOODBYE_MAX_S):
            await trio.to_thread.run_sync(zeroconf.close, abandon_on_cancel=True)


def _open(addresses: Sequence[str]) -> Zeroconf:
    try:
        return Zeroconf(list(addresses), ip_version=IPVersion.V4Only, use_asyncio=False)
    except OSError as error:
        raise _unavailable(str(error)) from error


async def _usable(addresses: Sequence[str]) -> list[str]:
    """The addresses where multicast works.  Raises DiscoveryUnavailable when there is none."""
    faults = {address: await multicast_fault(address) for address in addresses}
    usable = [address for address, fault in faults.items() if not fault]
    if not usable:
        raise _unavailable("; ".join(faults.values()) or "no such interface is up")
    return usable


def _unavailable(reason: str) -> DiscoveryUnavailable:
    return DiscoveryUnavailable(
        f"cannot find peers by multicast ({reason}): name a peer with --peer HOST:PORT"
    )


def own_addresses() -> list[str]:
    """The IPv4 addresses of this device, sorted."""
    return sorted(
        str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4
    )


def _check_ipv4(interface: str) -> None:
    try:
        ipaddress.IPv4Address(interface)
    except ValueError:
        raise ConfigError(
            f"interface {interface[:40]!r} is no IPv4 address: write the interface's address, "
            "such as 192.168.1.20"
        ) from None
