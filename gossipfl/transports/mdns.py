"""Peers on the local network by multicast DNS (RFC 6762): for joins and goodbyes only.

A crash goes unnoticed for about 19 minutes, the least time that zeroconf keeps a record.
"""

import ipaddress
import socket
from collections.abc import Sequence

import attrs
import trio
from zeroconf import ServiceInfo, Zeroconf

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
from gossipfl.transports.multicast import outward_addresses, own_addresses, usable_interfaces
from gossipfl.transports.zeroconf_bridge import Events, browse, look_up, register, zeroconf_on

RECHECK_S = 30.0
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
        usable = await usable_interfaces(present)
        async with zeroconf_on(usable) as zeroconf, trio.open_nursery() as nursery:
            # Browse first: answers come in while our own announcement is under way.
            nursery.start_soon(_follow, zeroconf, node, await browse(zeroconf, SERVICE))
            nursery.start_soon(register, zeroconf, node.service(usable))
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
        if self._interfaces:
            own = own_addresses()
            return tuple(each for each in self._interfaces if each in own)
        return tuple(outward_addresses())


class _Node:
    """What we say about ourselves, and what we have reported of others."""

    def __init__(self, announcement: Announcement, on_sighting: OnSighting) -> None:
        self.instance = announcement.instance
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

    def came(self, name: str, info: ServiceInfo) -> None:
        """Report a peer of our cluster, unless we said the same of it before."""
        hosts = info.parsed_scoped_addresses()
        sighting = sighting_of(name, hosts, info.port, info.text or b"")
        if sighting is not None and self._is_ours(sighting) and self._is_news(sighting):
            self._reported[sighting.instance] = sighting
            self._on_sighting(sighting)

    def _is_ours(self, sighting: Sighting) -> bool:
        ours = self._announcement
        return (sighting.cluster_tag, sighting.version) == (ours.cluster_tag, ours.version)

    def _is_news(self, sighting: Sighting) -> bool:
        has_room = len(self._reported) < _REPORTED_MAX
        before = self._reported.get(sighting.instance)
        return has_room if before is None else before != sighting

    def left(self, name: str) -> None:
        """Report the goodbye of a peer that we reported before."""
        sighting = self._reported.pop(instance_of(name) or "", None)
        if sighting is not None:
            self._on_sighting(attrs.evolve(sighting, addresses=(), present=False))


async def _follow(zeroconf: Zeroconf, node: _Node, events: Events) -> None:
    """Report what comes and goes, one after the other, so that no goodbye is overtaken."""
    with events:
        async for name, present in events:
            if not present:
                node.left(name)
            elif node.is_peer(name) and (info := await look_up(zeroconf, SERVICE, name)):
                node.came(name, info)


def _check_ipv4(interface: str) -> None:
    try:
        ipaddress.IPv4Address(interface)
    except ValueError:
        raise ConfigError(
            f"interface {interface[:40]!r} is no IPv4 address: write the interface's address, "
            "such as 192.168.1.20"
        ) from None
