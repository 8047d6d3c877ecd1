"""Multicast DNS on loopback; skipped where loopback carries no multicast."""

import secrets
import socket
from collections.abc import Callable

import pytest
import trio
from zeroconf import IPVersion, ServiceInfo, Zeroconf

from gossipfl.errors import ConfigError
from gossipfl.transports import mdns
from gossipfl.transports.discovery import Announcement, DiscoveryUnavailable, Sighting
from gossipfl.transports.mdns import MdnsDiscovery
from gossipfl.transports.mdns_records import SERVICE
from gossipfl.transports.multicast import GROUP, PORT, multicast_fault
from gossipfl.transports.zeroconf_bridge import GOODBYE_MAX_S

LOOPBACK = ["127.0.0.1"]


class Watch:
    """One node's discovery and what it reported."""

    def __init__(self, port: int, cluster_tag: str, version: int = 1) -> None:
        self.announcement = Announcement(port=port, cluster_tag=cluster_tag, version=version)
        self.seen: list[Sighting] = []
        self.instance = ""
        self.scope = trio.CancelScope()
        self.done = trio.Event()

    async def run(
        self,
        discovery: MdnsDiscovery | None = None,
        *,
        task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        discovery = discovery or MdnsDiscovery(LOOPBACK)
        with self.scope:
            await discovery.run(self.announcement, self.seen.append, task_status=task_status)
        self.done.set()

    def sees(self, other: "Watch", *, present: bool = True) -> bool:
        return any(
            sighting.instance == other.instance and sighting.present == present
            for sighting in self.seen
        )


async def until(condition: Callable[[], bool]) -> None:
    """Real sockets and threads: nothing but the clock on the wall can be waited on."""
    with trio.fail_after(60):
        while True:
            if condition():
                return
            await trio.sleep(0.01)


async def start(nursery: trio.Nursery, *watches: Watch) -> None:
    for watch in watches:
        watch.instance = await nursery.start(watch.run)


@pytest.fixture
async def tag() -> str:
    """A cluster of this test's own, since loopback is shared with whatever else runs here."""
    if await multicast_fault("127.0.0.1"):
        pytest.skip("no multicast on loopback")
    return secrets.token_hex(8)


async def test_nodes_see_each_other_come_and_go(tag: str, nursery) -> None:
    watches = [Watch(7001 + i, tag) for i in range(3)]
    await start(nursery, *watches)
    await until(lambda: all(a.sees(b) for a in watches for b in watches if a is not b))
    first, second, third = watches
    assert not first.sees(first)
    assert {s.addresses for s in first.seen} == {("127.0.0.1:7002",), ("127.0.0.1:7003",)}
    third.scope.cancel()
    await until(lambda: first.sees(third, present=False) and second.sees(third, present=False))
    assert first.seen[-1] == Sighting(third.instance, (), tag, 1, False)
    assert len(first.seen) == 3, "nothing is reported twice"


async def test_other_clusters_and_versions_are_not_reported(tag: str, nursery) -> None:
    ours, same = Watch(7001, tag), Watch(7002, tag)
    stranger, newer = Watch(7003, secrets.token_hex(8)), Watch(7004, tag, version=2)
    await start(nursery, stranger, newer, ours, same)
    await until(lambda: ours.sees(same) and same.sees(ours))
    stranger.scope.cancel()
    newer.scope.cancel()
    await stranger.done.wait()
    await newer.done.wait()
    assert {sighting.instance for sighting in ours.seen} == {same.instance}


async def test_hostile_records_are_passed_over(tag: str, nursery) -> None:
    ours, friend = Watch(7001, tag), Watch(7002, tag)
    await start(nursery, ours)
    hostile = await trio.to_thread.run_sync(_announce_hostile_records, tag)
    await start(nursery, friend)
    await until(lambda: ours.sees(friend))
    await trio.to_thread.run_sync(hostile.close)
    assert {sighting.instance for sighting in ours.seen} == {friend.instance}


def _announce_hostile_records(tag: str) -> Zeroconf:
    zeroconf = Zeroconf(LOOPBACK, ip_version=IPVersion.V4Only, use_asyncio=False)
    sound = {"instance": "", "port": 7400, "hosts": ["127.0.0.9"], "txt": {"v": "1", "c": tag}}
    wrong = [
        {"instance": "mallory"},
        {"port": 0},
        {"hosts": ["224.0.0.1"]},
        {"hosts": [f"127.0.0.{i}" for i in range(9)]},
        {"txt": {"v": "1", "c": tag, "padding": "x" * 200}},
        {"txt": {}},
    ]
    for each in wrong:
        record = {**sound, "instance": secrets.token_hex(8), **each}
        zeroconf.register_service(
            ServiceInfo(
                SERVICE,
                f"{record['instance']}.{SERVICE}",
                addresses=[socket.inet_aton(host) for host in record["hosts"]],
                port=record["port"],
                properties=record["txt"],
                server=f"{secrets.token_hex(8)}.local.",
            ),
            cooperating_responders=True,
        )
    return zeroconf


async def test_packets_carry_no_name(tag: str, nursery) -> None:
    packets: list[bytes] = []

    async def listen(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            membership = socket.inet_aton(GROUP) + socket.inet_aton("127.0.0.1")
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            await sock.bind((GROUP, PORT))
            task_status.started()
            while True:
                packets.append(await sock.recv(9000))

    await nursery.start(listen)
    first, second = Watch(7001, tag), Watch(7002, tag)
    await start(nursery, first, second)
    await until(lambda: first.sees(second) and second.sees(first))
    second.scope.cancel()
    await until(lambda: first.sees(second, present=False))
    ours = [packet for packet in packets if tag.encode() in packet]
    assert ours
    name = socket.gethostname().lower().encode()
    assert not any(name in packet.lower() for packet in ours)
    assert max(len(packet) for packet in ours) < 400


async def test_new_address_is_announced(tag: str, nursery, monkeypatch) -> None:
    own = ["127.0.0.1"]
    monkeypatch.setattr(mdns, "outward_addresses", lambda: list(own))
    roaming, other = Watch(7001, tag), Watch(7002, tag)
    other.instance = await nursery.start(other.run, MdnsDiscovery(LOOPBACK))
    roaming.instance = await nursery.start(roaming.run, MdnsDiscovery(recheck_s=0.1))
    await until(lambda: other.sees(roaming))
    own.append("127.0.0.2")
    await until(lambda: other.seen[-1].addresses == ("127.0.0.1:7001", "127.0.0.2:7001"))
    assert {sighting.instance for sighting in other.seen} == {roaming.instance}
    own.clear()  # the network goes away ...
    await until(lambda: not other.seen[-1].present)
    own.append("127.0.0.1")  # ... and comes back
    await until(lambda: other.seen[-1].addresses == ("127.0.0.1:7001",))


async def test_cancelling_takes_no_longer_than_the_goodbyes(tag: str, nursery) -> None:
    watch = Watch(7001, tag)
    await start(nursery, watch)
    watch.scope.cancel()
    with trio.fail_after(GOODBYE_MAX_S + 30):  # a busy machine adds its own
        await watch.done.wait()


async def test_without_multicast_it_says_how_to_go_on() -> None:
    with pytest.raises(DiscoveryUnavailable, match="--peer HOST:PORT"):
        await MdnsDiscovery(["192.0.2.77"]).run(
            Announcement(port=7001, cluster_tag="ab"), lambda sighting: None
        )


def test_interfaces_are_ipv4_addresses() -> None:
    for interface in ("eth0", "::1", ""):
        with pytest.raises(ConfigError, match="IPv4"):
            MdnsDiscovery([interface])
