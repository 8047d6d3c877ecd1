"""On which interfaces does multicast DNS work?  One harmless question to ourselves tells."""

import ipaddress
import secrets
import socket
import struct
from collections.abc import Sequence

import ifaddr
import trio

from gossipfl.transports.discovery import DiscoveryUnavailable

GROUP = "224.0.0.251"
PORT = 5353
_QUERY_HEADER = struct.pack(">6H", 0, 0, 1, 0, 0, 0)  # one question, nothing else
_PTR_IN = struct.pack(">2H", 12, 1)
_TTL = 255  # RFC 6762, section 11


def own_addresses() -> list[str]:
    """The IPv4 addresses of this device, sorted."""
    return sorted(
        str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4
    )


def outward_addresses() -> list[str]:
    """Those by which other devices may reach this one; loopback if there are no others."""
    own = own_addresses()
    return [each for each in own if not ipaddress.ip_address(each).is_loopback] or own


async def usable_interfaces(addresses: Sequence[str]) -> list[str]:
    """Those where multicast works.  Raises DiscoveryUnavailable when there is none."""
    faults = {address: await multicast_fault(address) for address in addresses}
    usable = [address for address, fault in faults.items() if not fault]
    if not usable:
        raise unavailable("; ".join(faults.values()) or "no such interface is up")
    return usable


def unavailable(reason: str) -> DiscoveryUnavailable:
    """The error that says why, and what to do instead."""
    return DiscoveryUnavailable(
        f"cannot find peers by multicast ({reason}): name a peer with --peer HOST:PORT"
    )


async def multicast_fault(interface: str, timeout_s: float = 1.0) -> str:
    """Why multicast does not work on the interface with this IPv4 address; empty when it does.

    It works when what we send to the mDNS group comes back.
    """
    query = _random_query()
    try:
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            _join(sock, interface)
            # The group's address instead of any: answers meant for another program stay theirs.
            await sock.bind((GROUP, PORT))
            await sock.sendto(query, (GROUP, PORT))
            with trio.move_on_after(timeout_s):
                await _wait_for(sock, query)
                return ""
    except OSError as error:
        return f"{interface}: {error.strerror or error}"
    return f"{interface}: nothing comes back within {timeout_s:g} s; a firewall may drop UDP {PORT}"


def _join(sock: trio.socket.SocketType, interface: str) -> None:
    address = socket.inet_aton(interface)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # every mDNS program shares the port
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + address)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _TTL)


async def _wait_for(sock: trio.socket.SocketType, query: bytes) -> None:
    while await sock.recv(len(query) + 1) != query:
        pass


def _random_query() -> bytes:
    """A well-formed question for a name that nobody has."""
    labels = (secrets.token_hex(8), "_gossipfl", "_tcp", "local", "")
    name = b"".join(bytes([len(label)]) + label.encode() for label in labels)
    return _QUERY_HEADER + name + _PTR_IN
