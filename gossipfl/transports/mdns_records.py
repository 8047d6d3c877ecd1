"""What our mDNS records say, and what we believe of others': pure, since anyone may send them.

Records of one node, all under random names (RFC 6763):

    PTR  _gossipfl._tcp.local.            -> 0123456789abcdef._gossipfl._tcp.local.
    SRV  0123456789abcdef._gossipfl...    -> 0123456789abcdef.local., port
    TXT  0123456789abcdef._gossipfl...    -> v=1, c=cluster tag
    A    0123456789abcdef.local.          -> addresses
"""

import ipaddress
import re
from collections.abc import Iterable

from gossipfl.transports.address import format_address
from gossipfl.transports.discovery import (
    ADDRESSES_MAX,
    CLUSTER_TAG_PATTERN,
    INSTANCE_PATTERN,
    Announcement,
    Sighting,
)

SERVICE = "_gossipfl._tcp.local."
TXT_MAX = 64
_NAME = re.compile(rf"({INSTANCE_PATTERN})\.{re.escape(SERVICE)}")
_VERSION = re.compile(rb"[0-9]{1,3}")
_CLUSTER_TAG = re.compile(CLUSTER_TAG_PATTERN.encode())


def service_name(instance: str) -> str:
    """What DNS-SD calls this instance of our service."""
    return f"{instance}.{SERVICE}"


def instance_of(name: str) -> str | None:
    """The instance behind a service name; None for a name that no node of ours would take."""
    match = _NAME.fullmatch(name)
    return match[1] if match else None


def properties_of(announcement: Announcement) -> dict[str, str]:
    """The TXT record."""
    return {"v": str(announcement.version), "c": announcement.cluster_tag}


def sighting_of(name: str, hosts: Iterable[str], port: int | None, txt: bytes) -> Sighting | None:
    """What the records under `name` say; None if anything about them is not as we write it."""
    instance, entries = instance_of(name), _entries(txt)
    version, tag = entries.get(b"v", b""), entries.get(b"c", b"")
    if instance is None or port is None or not 1 <= port <= 65535:
        return None
    if not _VERSION.fullmatch(version) or not _CLUSTER_TAG.fullmatch(tag):
        return None
    addresses = tuple(sorted(format_address(host, port) for host in hosts if _is_dialable(host)))
    if not 1 <= len(addresses) <= ADDRESSES_MAX:
        return None
    return Sighting(instance, addresses, tag.decode(), int(version), True)


def _entries(txt: bytes) -> dict[bytes, bytes]:
    """key=value strings, each behind a length byte; nothing of a record that is too long."""
    found: dict[bytes, bytes] = {}
    while len(txt) <= TXT_MAX and txt and len(txt) > txt[0]:
        entry, txt = txt[1 : 1 + txt[0]], txt[1 + txt[0] :]
        key, _, value = entry.partition(b"=")
        found.setdefault(key, value)  # RFC 6763, section 6.4: the first one counts
    return found


def _is_dialable(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified or address.is_reserved)
