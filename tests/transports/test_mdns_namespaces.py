"""Multicast DNS between hosts: network namespaces on one bridge.  Needs root and `ip`."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import trio

NODE = """
import json, os, attrs, trio
from gossipfl.transports.discovery import Announcement, DiscoveryUnavailable
from gossipfl.transports.mdns import MdnsDiscovery

def tell(sighting):
    print(json.dumps(attrs.asdict(sighting)), flush=True)

async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(MdnsDiscovery().run, Announcement(port=7400, cluster_tag="ab"), tell)
        await trio.to_thread.run_sync(os.read, 0, 1, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()

try:
    trio.run(main)
except* DiscoveryUnavailable as group:
    print(json.dumps(str(group.exceptions[0])), flush=True)
"""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[list[str]]:
    """Two namespaces with 10.123.0.1 and .2 on a bridge in a third, and a fourth without a link."""
    if not shutil.which("ip") or os.geteuid() != 0:
        pytest.skip("needs root and ip(8)")
    stem = f"gfl{secrets.token_hex(3)}"
    names = [f"{stem}{suffix}" for suffix in ("sw", "a", "b", "alone")]
    try:
        try:
            for name in names:
                ip("netns", "add", name)
        except subprocess.CalledProcessError:
            pytest.skip("network namespaces are not permitted here")
        _wire(*names[:3])
        yield names[1:]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _wire(switch: str, *hosts: str) -> None:
    ip("-n", switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
    ip("-n", switch, "link", "set", "br0", "up")
    for number, host in enumerate(hosts, start=1):
        port = f"port{number}"
        ip("-n", switch, "link", "add", port, "type", "veth", "peer", "eth0", "netns", host)
        ip("-n", switch, "link", "set", port, "master", "br0", "up")
        ip("-n", host, "address", "add", f"10.123.0.{number}/24", "dev", "eth0")
        ip("-n", host, "link", "set", "eth0", "up")
        ip("-n", host, "route", "add", "default", "dev", "eth0")


@asynccontextmanager
async def node_on(host: str) -> AsyncIterator[trio.Process]:
    """A node that runs until its stdin is closed."""
    process = await trio.lowlevel.open_process(
        ["ip", "netns", "exec", host, sys.executable, "-c", NODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    async with process.stdin, process.stdout:
        try:
            yield process
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


async def read_line(process: trio.Process) -> dict[str, object] | str:
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n"):
        line += await process.stdout.receive_some(1)
    return json.loads(line)


async def test_hosts_see_each_other_come_and_go(hosts: list[str]) -> None:
    with trio.fail_after(120):
        async with node_on(hosts[0]) as first, node_on(hosts[1]) as second:
            seen = await read_line(first), await read_line(second)
            assert [each["addresses"] for each in seen] == [
                ["10.123.0.2:7400"],
                ["10.123.0.1:7400"],
            ]
            await second.stdin.aclose()
            goodbye = await read_line(first)
            assert goodbye == {**seen[0], "addresses": [], "present": False}
            await first.stdin.aclose()
            assert [await first.wait(), await second.wait()] == [0, 0]


async def test_a_host_without_a_network_is_told(hosts: list[str]) -> None:
    with trio.fail_after(120):
        async with node_on(hosts[2]) as alone:
            assert "--peer HOST:PORT" in await read_line(alone)
            assert await alone.wait() == 0
