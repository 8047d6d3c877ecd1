"""Looks at everything that a node needs on this device, changes nothing, and says what to do."""

import contextlib
import datetime
import importlib
import ipaddress
import os
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

import trio
from attrs import frozen

from gossipfl.config import NodeConfig
from gossipfl.errors import ConfigError, GossipFLError, StateError
from gossipfl.kernels import cache, native, presence
from gossipfl.node.membership import Membership
from gossipfl.node.state.home import JOIN_FILE_BYTES_MAX, Home, read_bytes
from gossipfl.node.state.store import check_store
from gossipfl.security.admission import Admission, open_with
from gossipfl.security.certificates import Certificate
from gossipfl.security.identity import DeviceKey, encode_public, peer_id
from gossipfl.security.signed import SIGNED_MAX
from gossipfl.transports.multicast import multicast_fault, own_addresses
from gossipfl.transports.tcp import TcpTransport

PYTHON_MIN: Final = (3, 11)
FREE_BYTES_MIN: Final = 64 * 1024 * 1024
YEARS: Final = range(2025, 2100)
RENEW_DAYS: Final = 30
DAY_S: Final = 86_400
_MEMBERSHIP_REMEDIES: Final = {
    "key": "mend that: the key is what the operator admitted",
    "admission": "ask the operator for a new join file, and start with --join FILE",
    "certificate": "the operator admits this device again, with its name and key as they are",
}

Verdict = Literal["ok", "warning", "failed"]


@frozen
class Finding:
    """What one check found.

    verdict: "failed" keeps a node from running well, "warning" costs something or will.
    remedy: what to do; empty when all is well.
    """

    check: str
    verdict: Verdict
    text: str
    remedy: str = ""


async def examine(config: NodeConfig, now_s: float) -> list[Finding]:
    """Every check, in the order in which a person would mend things.  now_s: Unix seconds."""
    kernels = check_kernels()
    home, state = check_state(config.state)
    running = home is not None and _is_running(home)
    findings = [check_versions(), kernels, check_clock(now_s), state]
    if home is not None:
        findings += [_look_at_space(home), _look_at_lock(running), check_database(home.database)]
    if kernels.verdict != "failed":  # a manifest cannot be read without them
        findings += check_membership(home, now_s)
    findings.append(await check_port(config.listen, running))
    if config.mdns:
        findings += [await check_multicast(each) for each in _interfaces(config)]
    return findings


def check_versions() -> Finding:
    """Python, and the packages whose exact version matters."""
    python = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        needed = ".".join(map(str, PYTHON_MIN))
        return Finding(
            "versions", "failed", f"Python {python}", f"install Python {needed} or newer"
        )
    try:
        wrong = [f"{name} {have}, not {want}" for name, want, have in _pins() if want != have]
        numbers = [f"{name} {metadata.version(name)}" for name in ("gossipfl", "trio")]
        numbers += [f"{name} {have}" for name, _, have in _pins()]
    except metadata.PackageNotFoundError as error:
        return Finding("versions", "failed", f"{error.name} is not installed", "install gossipfl")
    text = ", ".join([f"Python {python}", *numbers])
    if wrong:
        remedy = "install gossipfl again: its kernels are checked against that version only"
        return Finding("versions", "warning", ", ".join(wrong), remedy)
    return Finding("versions", "ok", text)


def _pins() -> Iterator[tuple[str, str, str]]:
    """(name, wanted, installed) of each package that gossipfl takes in one exact version only.

    Those that have no wheel for some processors may be missing: `check_kernels` tells.
    """
    for requirement in metadata.requires("gossipfl") or ():
        package, _, marker = requirement.partition(";")
        name, equals, version = package.strip().partition("==")
        if equals and "extra ==" not in marker:
            with contextlib.suppress(metadata.PackageNotFoundError):
                yield name, version, metadata.version(name)


def check_kernels() -> Finding:
    """Kernels compile, what was compiled is kept, and how long a node's start takes for it."""
    started_s = time.perf_counter()
    try:
        engine = importlib.import_module("gossipfl.kernels.engine")
        for module in ("gossipfl.learning.training", "gossipfl.compression"):
            importlib.import_module(module).warm()
    except (RuntimeError, ImportError, OSError) as error:  # OS: compiled code must not run here
        remedy = "install gossipfl anew: pip install --force-reinstall numba llvmlite"
        return Finding("kernels", "failed", str(error).splitlines()[0], remedy)
    if engine.MISSING:
        remedy = "install numba if there is a wheel for this processor: training is slow without"
        return Finding("kernels", "warning", f"NumPy instead of Numba: {engine.MISSING}", remedy)
    if presence.DISABLED:
        remedy = "unset NUMBA_DISABLE_JIT: training in plain Python takes ages"
        return Finding("kernels", "warning", "Numba is switched off", remedy)
    return _judge_cache(cache.folder(), len(native.compiled), time.perf_counter() - started_s)


def _judge_cache(folder: Path, compiled: int, took_s: float) -> Finding:
    if not os.access(folder, os.W_OK):
        return Finding(
            "kernels",
            "warning",
            f"compiled or loaded in {took_s:.1f} s, but {folder} cannot be written",
            "set NUMBA_CACHE_DIR to a directory that this user can write, or each start compiles",
        )
    how = "compiled now, cached for the next start," if compiled else "loaded from the cache"
    return Finding("kernels", "ok", f"{how} in {took_s:.1f} s ({folder})")


def check_clock(now_s: float) -> Finding:
    """Certificates have dates, so a clock that is years off shuts us out."""
    now = datetime.datetime.fromtimestamp(now_s, datetime.UTC)
    text = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now.year in YEARS:
        return Finding("clock", "ok", text)
    return Finding(
        "clock", "failed", text, "set the clock, or let NTP set it (timedatectl set-ntp true)"
    )


def check_state(path: Path) -> tuple[Home | None, Finding]:
    """The state directory, if there is one that can be used."""
    if not os.path.lexists(path):
        return None, _check_parent(path)
    try:
        home = Home(path)
    except StateError as error:
        return None, Finding("state", "failed", str(error), "mend that, or choose another --state")
    return home, Finding("state", "ok", f"{path} is private and can be written")


def _check_parent(path: Path) -> Finding:
    parent = next(each for each in path.absolute().parents if os.path.lexists(each))
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        text = f"{path} does not exist yet; `gossipfl key` or the first start makes it"
        return Finding("state", "ok", text)
    text = f"{path} cannot be made, since {parent} cannot be written"
    return Finding("state", "failed", text, "choose another --state")


def _look_at_space(home: Home) -> Finding:
    free = home.free_bytes()
    text = f"{free / 1e6:,.0f} MB free"
    if free >= FREE_BYTES_MIN:
        return Finding("space", "ok", text)
    remedy = f"free some: a node needs up to {FREE_BYTES_MIN / 1e6:.0f} MB"
    return Finding("space", "warning", text, remedy)


def _is_running(home: Home) -> bool:
    if not (home.path / "lock").exists():
        return False
    try:
        home.lock()
    except StateError:
        return True
    home.unlock()
    return False


def _look_at_lock(running: bool) -> Finding:
    return Finding("lock", "ok", "a node runs here" if running else "no node runs here")


def check_database(path: Path) -> Finding:
    """All in the file can be read; also while a node uses it."""
    if not path.exists():
        return Finding("database", "ok", "none yet; the first start makes it")
    try:
        check_store(path)
    except StateError as error:
        remedy = "start the node: it sets a damaged file aside and begins from the model's backup"
        return Finding("database", "failed", str(error), remedy)
    return Finding("database", "ok", f"sound, {path.stat().st_size / 1e6:.1f} MB")


def check_membership(home: Home | None, now_s: float) -> Iterator[Finding]:
    """The key, what the operator admitted it to, and whether that still counts."""
    if home is None or not (home.path / "device.key").exists():
        yield Finding("key", "ok", "none yet; `gossipfl key` or the first start makes it")
        return
    from gossipfl.manifest import open_manifest  # imports kernels

    step = "key"
    try:
        key = home.device_key()
        yield Finding(step, "ok", f"{peer_id(key.public)}, only its owner can read it")
        step = "admission"
        if not home.admission.exists():
            yield _not_admitted(key)
            return
        admission = open_with(key, read_bytes(home.admission, JOIN_FILE_BYTES_MAX))
        manifest = open_manifest(admission.manifest, admission.authority)
        yield Finding(step, "ok", f"cluster {manifest.cluster}, {manifest.summary()}")
        step = "certificate"
        yield _judge_certificate(_membership(home, key, admission, now_s).certificate, now_s)
    except GossipFLError as error:
        yield Finding(step, "failed", str(error), _MEMBERSHIP_REMEDIES[step])


def _not_admitted(key: DeviceKey) -> Finding:
    remedy = (
        f"the operator runs `gossipfl cluster admit NAME --public-key {encode_public(key.public)}`"
        ", then start with --join NAME.join"
    )
    return Finding("admission", "warning", "in no cluster yet", remedy)


def _membership(home: Home, key: DeviceKey, admission: Admission, now_s: float) -> Membership:
    known = home.revocations.exists()
    return Membership(
        key,
        admission,
        wall_clock=lambda: now_s,
        stored_revocations=read_bytes(home.revocations, SIGNED_MAX) if known else None,
        keep_revocations=_keep_nothing,
    )


async def _keep_nothing(signed: bytes) -> None:
    """We only look."""


def _judge_certificate(certificate: Certificate, now_s: float) -> Finding:
    days = (certificate.not_after_s - now_s) / DAY_S
    text = f"{certificate.name} ({', '.join(certificate.roles)}), valid for {days:,.0f} more days"
    if days >= RENEW_DAYS:
        return Finding("certificate", "ok", text)
    return Finding("certificate", "warning", text, _MEMBERSHIP_REMEDIES["certificate"])


async def check_port(listen: str, running: bool) -> Finding:
    """We can listen where the settings say; a node that runs here may hold the port already."""
    transport, reason = TcpTransport(listen), ""
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(transport.serve, trio.abc.AsyncResource.aclose)
            nursery.cancel_scope.cancel()
    except* ConfigError as group:
        reason = str(group.exceptions[0])
    if not reason:
        return Finding("port", "ok", f"{listen} is free")
    if running:
        return Finding("port", "ok", f"{listen} is taken, as by the node that runs here")
    return Finding("port", "failed", reason, "choose another --listen")


async def check_multicast(interface: str) -> Finding:
    """What we send to the mDNS group comes back."""
    fault = await multicast_fault(interface)
    if not fault:
        return Finding("multicast", "ok", f"works on {interface}")
    remedy = "let UDP port 5353 through the firewall, or name peers with --peer HOST:PORT"
    return Finding("multicast", "warning", fault, remedy)


def _interfaces(config: NodeConfig) -> tuple[str, ...]:
    """Those that a node would use: loopback only when there is no other."""
    own = own_addresses()
    outward = [each for each in own if not ipaddress.ip_address(each).is_loopback]
    return config.interface or tuple(outward or own)
