"""Who may take part: the revoked, the expired, strangers and other clusters' nodes stay outside."""

from typing import Final

import attrs
import trio

from gossipfl.errors import StateError
from gossipfl.models.sequential import perceptron
from gossipfl.security.certificates import CLOCK_SKEW_S
from tests.simulation.cluster import MANIFEST, VALID_DAYS, Cluster, settle, until
from tests.simulation.device import Device
from tests.simulation.insider import Insider, read_to_end
from tests.simulation.readings import clouds, skewed

DAY_S: Final = 86_400.0


async def test_revoked_once_shut_out_everywhere(autojump_clock, tmp_path, rng):
    """The list is given to one node and reaches all, those that come later too."""
    cluster = Cluster(tmp_path, skewed(rng, 6), view=2, view_max=4)
    first, *_, late, bad = cluster.devices
    early = [device for device in cluster.devices if device is not late]
    async with cluster.open():
        await cluster.start(*early)
        await until(lambda: len(bad.neighbours()) >= 2, within_s=30)
        signed = cluster.revoke(bad)
        await first.running.take_revocations(signed)
        await until(lambda: not bad.neighbours(), within_s=5)
        await cluster.start(late)
        await trio.sleep(300)
        assert bad.neighbours() == []
        for device in cluster.devices:
            assert bad.name not in device.neighbours()
            assert device.revocations == (None if device is bad else signed)
        assert any(device.count("link.revoked") for device in early)
        assert any("is revoked" in r for d in early for r in d.reasons("peer.untrusted"))
        assert bad.status()["rounds"] > 100  # alone, but up


async def test_a_revoked_node_stays_out_after_restarts(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 3))
    one, other, bad = cluster.devices
    async with cluster.open():
        await cluster.start()
        await until(lambda: len(bad.neighbours()) == 2, within_s=30)
        await one.running.take_revocations(cluster.revoke(bad))
        await trio.sleep(5)
        await cluster.stop()
        await cluster.start()
        await trio.sleep(120)
        assert bad.neighbours() == []
        assert one.neighbours() == [other.name]


async def test_a_revocation_counts_even_when_the_disk_refuses_it(autojump_clock, tmp_path, rng):
    async def refuse(signed: bytes) -> None:
        raise StateError("cannot write revocations: disk full")

    cluster = Cluster(tmp_path, skewed(rng, 3))
    one, other, bad = cluster.devices
    for device in (one, other):
        device.keep_revocations = refuse
    async with cluster.open():
        await cluster.start()
        await until(lambda: len(bad.neighbours()) == 2, within_s=30)
        await one.running.take_revocations(cluster.revoke(bad))
        await trio.sleep(60)
        assert bad.neighbours() == []
        assert one.neighbours() == [other.name]
        assert one.count("state.write_failed") == other.count("state.write_failed") == 1


async def test_revoked_in_mid_handshake(autojump_clock, tmp_path, rng):
    """Its certificate was good when it was shown; the list came before the hello."""
    cluster = Cluster(tmp_path, skewed(rng, 1))
    (device,) = cluster.devices
    insider = Insider(cluster)
    async with cluster.open():
        await cluster.start()
        async with insider.dial(device) as link:
            await settle()
            await device.running.take_revocations(cluster.revoke(insider.device))
            await insider.greet(link)
            await read_to_end(link)
        assert device.count("link.up") == 0
        assert any("is revoked" in reason for reason in device.reasons("peer.untrusted"))


async def test_a_certificate_that_expires_ends_its_links(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 2))
    last_minute_s = 60 - CLOCK_SKEW_S - VALID_DAYS * DAY_S
    expiring = cluster.admit("expiring", skewed(rng, 3)[2], clock_s=last_minute_s)
    cluster.devices.append(expiring)
    async with cluster.open():
        await cluster.start()
        await until(lambda: len(expiring.neighbours()) == 2, within_s=30)
        await trio.sleep(90)
        assert expiring.neighbours() == []
        assert [len(device.neighbours()) for device in cluster.devices] == [1, 1, 0]
        for device in cluster.devices[:2]:
            assert any("has expired" in reason for reason in device.reasons("link.down"))


async def test_expired_certificates_are_refused(autojump_clock, tmp_path, rng):
    """The expired node's clock is slow, so that it does not know."""
    cluster = Cluster(tmp_path, skewed(rng, 3))
    expired, *others = cluster.devices
    for device in others:
        device.clock_off_s = (VALID_DAYS + 1) * DAY_S
    renew(cluster, *others)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(60)
        assert_shut_out(expired, others, "has expired")


def renew(cluster: Cluster, *devices: Device) -> None:
    """Certificates that are valid by these devices' clocks."""
    for device in devices:
        again = cluster.admit(f"{device.name}-again", device.readings, clock_s=device.clock_off_s)
        device.key, device.admission = again.key, again.admission


def assert_shut_out(outsider: Device, members: list[Device], reason: str) -> None:
    """Members know why they refuse it, get on without it, and it does not fall over."""
    assert outsider.neighbours() == []
    for device in members:
        assert len(device.neighbours()) == len(members) - 1
        assert device.status()["exchanges"] > 10
    events = [device.reasons("peer.untrusted") for device in (*members, outsider)]
    assert any(reason in each for reasons in events for each in reasons), events
    assert outsider.status()["rounds"] > 10


async def test_another_cluster_on_the_same_network(autojump_clock, tmp_path, rng):
    """It shares neither authority nor key; each end even dials the other by name."""
    ours = Cluster(tmp_path / "ours", skewed(rng, 2))
    theirs = Cluster(tmp_path / "theirs", skewed(rng, 1), near=ours, name="other")
    (stranger,) = theirs.devices
    member = ours.devices[0]
    member.config = attrs.evolve(member.config, peer=(stranger.address,))
    stranger.config = attrs.evolve(stranger.config, peer=(ours.devices[1].address,))
    async with ours.open(), theirs.open():
        await ours.start()
        await theirs.start()
        await trio.sleep(60)
        assert_shut_out(stranger, ours.devices, "another cluster key")


async def test_another_manifest_is_told_apart_and_told(autojump_clock, tmp_path, rng):
    """Same authority and key, other model: both ends learn which two manifests met."""
    cluster = Cluster(tmp_path, skewed(rng, 3))
    other, *members = cluster.devices
    manifest = attrs.evolve(MANIFEST, layers=perceptron((4,)))
    other.manifest = manifest
    async with cluster.open():
        await cluster.start()
        await trio.sleep(60)
        assert_shut_out(other, members, manifest.id.hex()[:8])
        reasons = [r for device in cluster.devices for r in device.reasons("peer.untrusted")]
        assert all("join files of the same cluster version" in reason for reason in reasons)


async def test_a_copied_state_directory_is_reported(autojump_clock, tmp_path, rng):
    """Two devices with one key would spoil each other's links."""
    cluster = Cluster(tmp_path, [clouds(rng, 40), clouds(rng, 40)])
    one, copy = cluster.devices
    copy.key, copy.admission = one.key, one.admission
    async with cluster.open():
        await cluster.start()
        await trio.sleep(60)
        reasons = one.reasons("link.declined") + copy.reasons("link.declined")
        assert any("another device has a copy of our state directory" in each for each in reasons)
        assert one.neighbours() == copy.neighbours() == []
        assert max(one.count("link.declined"), copy.count("link.declined")) < 20
