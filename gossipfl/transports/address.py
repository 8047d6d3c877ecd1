"""Addresses as text: `host:port`, `[v6]:port`, and `:port` for every address of this device."""

import ipaddress
import re

from gossipfl.errors import ConfigError

ADDRESS_MAX = 300
# RFC 1123 labels; underscores are tolerated, since container networks use them.
_LABEL = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\.?")
_PORT = re.compile(r"[0-9]{1,5}")
_ZONE = re.compile(r"[A-Za-z0-9._-]{1,32}")


def parse_address(text: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as (host, port 0-65535); `:port` gives an empty host.

    Raises ConfigError, one line that shows the form.
    """
    shown = repr(text[:80])
    if len(text) > ADDRESS_MAX:
        raise ConfigError(f"address {shown}... is longer than {ADDRESS_MAX} characters")
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port):
        raise ConfigError(f"address {shown} has no port: write HOST:PORT or [IPV6]:PORT")
    if int(port) > 65535:
        raise ConfigError(f"address {shown}: a port is a number from 0 to 65535")
    return _parse_host(host, shown), int(port)


def format_address(host: str, port: int) -> str:
    """The inverse of parse_address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _parse_host(host: str, shown: str) -> str:
    if host.startswith("[") and host.endswith("]") and _is_ipv6(host[1:-1]):
        return host[1:-1]
    if ":" in host or "[" in host:
        raise ConfigError(f"address {shown}: write an IPv6 address in brackets, as [fd00::1]:7400")
    if host and not _HOST.fullmatch(host):
        raise ConfigError(f"address {shown}: {host[:60]!r} is no host name and no IP address")
    return host


def _is_ipv6(host: str) -> bool:
    bare, percent, zone = host.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        return False
    try:
        ipaddress.IPv6Address(bare)
    except ValueError:
        return False
    return True
