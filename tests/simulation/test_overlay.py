"""Whole agents without mDNS: they learn of each other, notice the dead, and take them back."""

from contextlib import suppress
from typing import Any, Final

import attrs
import trio

from gossipfl.errors import Unreachable
from gossipfl.membership.herald import Herald
from gossipfl.membership.records import Obituary, sign_obituary
from gossipfl.transports.faults import Faults
from gossipfl.wire.messages import Members, PingRequest, PingResult, decode, encode
from tests.simulation.cluster import Cluster, settle, until
from tests.simulation.device import Device
from tests.simulation.insider import Insider, read_to_end, shout
from tests.simulation.readings import skewed
from tests.simulation.test_links import knows

# Rounds are rare, so that nothing but the overlay keeps links alive.
QUICK: Final[dict[str, Any]] = {
    "mdns": False,
    "interval_s": 30.0,
    "probe_interval_s": 1.0,
    "probe_timeout_s": 0.3,
    "shuffle_interval_s": 10.0,
}


def chain(cluster: Cluster) -> None:
    """Everybody's operator named the one before."""
    for before, device in zip(cluster.devices, cluster.devices[1:], strict=False):
        knows(device, before)


def living(device: Device) -> int:
    return int(device.status()["members"]["living"])


async def test_who_knows_one_learns_of_all(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 10), view=3, view_max=5, **QUICK)
    chain(cluster)
    async with cluster.open():
        await cluster.start()
        await until(lambda: all(living(d) == 9 for d in cluster.devices), within_s=60)
        assert len(cluster.groups()) == 1
        assert max(len(d.neighbours()) for d in cluster.devices) <= 5
        await until(lambda: min(len(d.neighbours()) for d in cluster.devices) >= 3, within_s=120)


async def test_the_dead_are_known_to_all_and_replaced(autojump_clock, tmp_path, rng):
    """It loses power: no goodbye, no end of a connection, and nobody's multicast."""
    cluster = Cluster(tmp_path, skewed(rng, 8), view=3, view_max=5, **QUICK)
    gone, *others = cluster.devices
    chain(cluster)
    knows(gone, others[-1])
    async with cluster.open():
        await cluster.start()
        await until(lambda: all(living(d) == 7 for d in cluster.devices), within_s=60)
        cluster.network.partition([gone.address], [device.address for device in others])
        await cluster.kill(gone)
        await until(lambda: all(living(d) == 6 for d in others), within_s=40)
        assert len(cluster.groups()) == 1
        assert not any(gone.name in d.neighbours() for d in others)
        seeds_before = [d.status()["links_seeded"] for d in others]
        cluster.network.heal()
        await cluster.start(gone)
        await until(lambda: all(living(d) == 7 for d in cluster.devices), within_s=60)
        await trio.sleep(120)
        # It came back with its anchors, so nothing had to start over.
        assert [d.status()["links_seeded"] for d in others] == seeds_before == [0] * 7
        assert gone.status()["links_seeded"] == 0


async def test_who_was_known_is_found_again_without_any_help(autojump_clock, tmp_path, rng):
    """No multicast, no peer named, and those that it knew have all the links they want."""
    cluster = Cluster(tmp_path, skewed(rng, 6), view=2, view_max=4, **QUICK)
    first, *others = cluster.devices
    chain(cluster)
    async with cluster.open():
        await cluster.start()
        await until(lambda: all(living(d) == 5 for d in cluster.devices), within_s=60)
        await cluster.stop(first)
        await trio.sleep(100)
        await cluster.start(first)
        await until(lambda: len(first.neighbours()) >= 2, within_s=30)
        await until(lambda: living(first) == 5, within_s=30)
        assert first.status()["links_seeded"] == 0
        assert all(living(d) == 5 for d in others)


async def test_a_slow_path_makes_nobody_dead(autojump_clock, tmp_path, rng):
    """One direction between two is dead: others reach both, so the link goes and no member does."""
    cluster = Cluster(tmp_path, skewed(rng, 5), **QUICK)
    one, other, *_ = cluster.devices
    chain(cluster)
    async with cluster.open():
        await cluster.start()
        await until(lambda: all(len(d.neighbours()) == 4 for d in cluster.devices), within_s=60)
        cluster.network.impair(one.address, other.address, Faults(loss=1.0))
        await trio.sleep(120)
        assert all(d.count("member.died") == 0 for d in cluster.devices)
        assert any("answers others" in reason for reason in other.reasons("link.down"))
        assert len(cluster.groups()) == 1


async def test_a_new_address_is_known_to_all(autojump_clock, tmp_path, rng):
    """It restarts in another network; nobody is told but by itself."""
    cluster = Cluster(tmp_path, skewed(rng, 6), view=2, view_max=4, **QUICK)
    mover, *others = cluster.devices
    chain(cluster)
    knows(mover, others[2])
    async with cluster.open():
        await cluster.start()
        await until(lambda: all(living(d) == 5 for d in cluster.devices), within_s=60)
        await cluster.stop(mover)
        mover.port = 9999
        await cluster.start(mover)
        await until(
            lambda: all(known_at(d, mover) == (mover.address,) for d in others), within_s=60
        )
        assert mover.address.endswith(":9999")
        assert len(cluster.groups()) == 1


def known_at(device: Device, other: Device) -> tuple[str, ...]:
    """Where it believes the other to be."""
    overlay = device.running._network.overlay
    names = {m.record.certificate.name: m.record.presence.addresses for m in overlay.roll}
    return names.get(other.name, ())


async def test_addresses_that_change_while_it_runs(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 4), **QUICK)
    mover, *others = cluster.devices
    chain(cluster)
    async with cluster.open():
        await cluster.start()
        await until(lambda: all(living(d) == 3 for d in cluster.devices), within_s=60)
        moved = ("elsewhere:1",)
        mover.running._network._config = attrs.evolve(mover.config, advertise=moved)
        await until(lambda: all(known_at(d, mover) == moved for d in others), within_s=30)
        assert all(d.count("member.moved") == 1 for d in others)


async def test_a_false_obituary_is_refuted(autojump_clock, tmp_path, rng):
    """A member says that everybody is dead; they say that they are not."""
    cluster = Cluster(tmp_path, skewed(rng, 6), view=2, view_max=4, **QUICK)
    chain(cluster)
    liar = Insider(cluster)
    async with cluster.open():
        await cluster.start()
        await until(lambda: all(living(d) == 5 for d in cluster.devices), within_s=60)
        async with liar.befriend(cluster.devices[0]) as link:
            await link.send(encode(Members(records=((record_of(liar), 0),))))
            await settle()
            for device in cluster.devices:
                await link.send(encode(Members(obituaries=(accusation(liar, device),))))
            await settle()
            assert any(d.count("member.died") for d in cluster.devices)
            await until(lambda: all_know_all(cluster), within_s=10)
        assert any(d.count("member.accused_us") for d in cluster.devices)
        assert len(cluster.groups()) == 1


def all_know_all(cluster: Cluster) -> bool:
    """Nobody holds another to be dead."""
    everybody = {device.name for device in cluster.devices}
    rolls = [(d.name, d.running._network.overlay.roll) for d in cluster.devices]
    alive = [
        {name} | {m.record.certificate.name for m in roll if m.obituary is None}
        for name, roll in rolls
    ]
    return all(everybody <= each for each in alive)


def record_of(insider: Insider) -> bytes:
    herald = Herald(insider.device.key, insider.device.admission.certificate, bytes(8))
    herald.announce((insider.device.address,), 0.0)
    return herald.record


def accusation(insider: Insider, accused: Device) -> bytes:
    herald = accused.running._network.overlay.herald
    ours = Herald(insider.device.key, insider.device.admission.certificate, bytes(8))
    return sign_obituary(
        insider.device.key.secret, Obituary(herald.id, herald.incarnation, ours.id)
    )


async def test_records_of_strangers_end_the_link_after_some(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path / "ours", skewed(rng, 1), **QUICK)
    elsewhere = Cluster(tmp_path / "theirs", skewed(rng, 1), near=cluster, name="other", **QUICK)
    (device,) = cluster.devices
    forged = Members(records=((record_of(Insider(elsewhere, "stranger")), 0),))
    async with cluster.open():
        await cluster.start()
        async with Insider(cluster).befriend(device) as link:
            await shout(link, [encode(forged)] * 40)
            await read_to_end(link)
        await settle()
        assert any("again and again" in reason for reason in device.reasons("link.down"))
        assert living(device) == 0


async def test_a_flood_of_questions_costs_few_dials(autojump_clock, tmp_path, rng):
    """Nobody can make a node knock at doors: it dials members only, and few at a time."""
    cluster = Cluster(tmp_path, skewed(rng, 2), **QUICK)
    device, other = cluster.devices
    knows(other, device)
    insider = Insider(cluster)
    async with cluster.open():
        await cluster.start()
        await until(lambda: living(device) == 1, within_s=30)
        async with insider.befriend(device) as link:
            for number in range(1, 500):
                await link.send(encode(PingRequest(number, number.to_bytes(8, "big"))))
            await trio.sleep(5)
            answers = [m for m in await hear(link) if isinstance(m, PingResult)]
        assert 1 <= len(answers) <= 32
        assert not any(answer.alive for answer in answers)
        assert device.count("dial.failed") == 0


async def hear(link) -> list[Any]:
    """What has come so far; who answers no probe is dropped at last."""
    found = []
    with trio.move_on_after(1.0), suppress(Unreachable):
        while True:
            found.append(decode(await link.receive()))
    return found


async def test_one_alone_is_let_in_though_all_links_are_in_use(autojump_clock, tmp_path, rng):
    cluster = Cluster(tmp_path, skewed(rng, 7), view=2, view_max=3, **QUICK)
    *settled, late = cluster.devices
    chain(cluster)
    async with cluster.open():
        await cluster.start(*settled)
        await trio.sleep(120)
        await cluster.start(late)
        await until(lambda: len(late.neighbours()) >= 1, within_s=10)
        await trio.sleep(60)
        assert len(cluster.groups()) == 1


async def test_what_idle_members_send_stays_small(autojump_clock, tmp_path, rng):
    """Bytes of pings, answers and shuffles alone, at the settings of a home network."""
    cluster = Cluster(tmp_path, skewed(rng, 6), interval_s=1e6, mdns=False)
    chain(cluster)
    async with cluster.open():
        await cluster.start()
        await trio.sleep(300)
        before = [d.status()["sent_bytes"] for d in cluster.devices]
        await trio.sleep(600)
        after = [d.status()["sent_bytes"] for d in cluster.devices]
    rates = [(b - a) / 600 for a, b in zip(before, after, strict=True)]
    assert sum(rates) / 6 < 20
