"""Devices in a mesh in virtual time: they learn, sleep, crash, and are lied about."""

from pathlib import Path

import attrs
import numpy as np
import trio

from gossipfl.devices.frames import TO_GATEWAY, seal
from gossipfl.devices.keyring import keyring_of
from gossipfl.devices.keys import print_code
from gossipfl.models.sequential import perceptron
from gossipfl.node.gateway.wires import Arrival
from tests.firmware.library import SMALL, Firmware
from tests.node.gateway.behind import Behind
from tests.simulation.cluster import MANIFEST, until
from tests.simulation.readings import clouds, skewed


async def nowhere(frame: bytes) -> None:
    """Where answers to a stranger's frames go."""
    await trio.lowlevel.checkpoint()


def exchanges(behind: Behind, number: int) -> int:
    return int(behind.services[number].status()["exchanges"])


async def test_devices_learn_what_only_others_have_seen(
    autojump_clock, tmp_path: Path, rng, firmware: Firmware
):
    test = clouds(rng, 500)
    left, right, *nodes = skewed(rng, 4)
    behind = Behind(tmp_path, firmware, [left, right], nodes)
    async with behind.cluster.open(), trio.open_nursery() as nursery:
        await behind.start(nursery)
        await trio.sleep(80)
        found = [behind.accuracy(number, test) for number in range(2)]
        others = [behind.cluster.accuracy(each, test) for each in behind.cluster.devices]
        nursery.cancel_scope.cancel()
    assert min(*found, *others) > 0.88
    assert min(exchanges(behind, number) for number in range(2)) > 50


async def test_a_killed_gateway_goes_on_where_it_was(
    autojump_clock, tmp_path: Path, rng, firmware: Firmware
):
    behind = Behind(tmp_path, firmware, skewed(rng, 1), skewed(rng, 2))
    async with behind.cluster.open(), trio.open_nursery() as nursery:
        await behind.start(nursery)
        for _ in range(4):
            await trio.sleep(7.3)
            counter, before = behind.services[0].keyring.counter, exchanges(behind, 0)
            await behind.kill_agent(0)
            assert behind.stored_keyring(0).counter == counter
            await behind.start_agent(nursery, 0)
            await until(lambda before=before: exchanges(behind, 0) > before + 2, within_s=30)
        nursery.cancel_scope.cancel()
    assert len(behind.told(0, "device.seeded")) == 1
    assert behind.services[0].status()["key"] == 1


async def test_lies_in_a_devices_name_cost_nobody_anything(
    autojump_clock, tmp_path: Path, rng, firmware: Firmware
):
    """By the hundred: refused, with the name of the device that they claim to come from."""
    behind = Behind(tmp_path, firmware, skewed(rng, 2), skewed(rng, 2))
    sleep = b"\x05" + bytes(4)
    async with behind.cluster.open(), trio.open_nursery() as nursery:
        await behind.start(nursery)
        await until(lambda: min(exchanges(behind, 0), exchanges(behind, 1)) > 3, within_s=60)
        victim, other = behind.services
        own, stolen = victim.keyring.identity, other.keyring.identity
        lies = {
            "under another key": [
                behind.things[0].heard[-1][:6] + b"\0\0\0\x80" + rng.bytes(80),
                seal(attrs.evolve(own, key=bytes(32)), TO_GATEWAY, 2**31, sleep),
                seal(attrs.evolve(own, key=stolen.key), TO_GATEWAY, 2**31, sleep),
            ],
            "is not in use": [seal(attrs.evolve(own, epoch=9), TO_GATEWAY, 2**31, sleep)],
            "has been before": behind.things[0].heard[-6:],
            "more frames than": [rng.bytes(80)] * 12,
        }
        for reason, frames in lies.items():
            before = exchanges(behind, 0), exchanges(behind, 1)
            for _ in range(40):
                for frame in frames:
                    victim.take(Arrival(frame, "udp 192.0.2.1:9", nowhere))
                await trio.sleep(0.25)
            # Its own questions were lost now and then, and asked again.
            assert exchanges(behind, 0) > before[0] + 2
            assert exchanges(behind, 1) > before[1] + 6
            await trio.sleep(10)
            assert any(reason in event["reason"] for event in behind.told(0, "device.refused"))
        nursery.cancel_scope.cancel()
    assert victim.status()["refused"] > 500
    assert other.status()["refused"] == 0
    assert {event["device"] for event in behind.told(0, "device.refused")} == {"node-0"}
    assert len(behind.told(0, "device.refused")) < 20
    assert len(behind.told(0, "device.seeded")) == len(behind.told(1, "device.seeded")) == 1


async def test_a_frame_of_before_is_not_answered_after_a_crash_either(
    autojump_clock, tmp_path: Path, rng, firmware: Firmware
):
    behind = Behind(tmp_path, firmware, skewed(rng, 1), skewed(rng, 1))
    async with behind.cluster.open(), trio.open_nursery() as nursery:
        await behind.start(nursery)
        await until(lambda: exchanges(behind, 0) > 2, within_s=60)
        await behind.kill_agent(0)
        service = await behind.start_agent(nursery, 0)
        behind.things[0].plugged = None
        answered = []

        async def note(frame: bytes) -> None:
            answered.append(frame)

        for frame in behind.things[0].heard:
            service.take(Arrival(frame, "udp 192.0.2.1:9", note))
            await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    assert answered == []
    assert service.status()["refused"] == len(behind.things[0].heard)


async def test_resets_at_any_moment(autojump_clock, tmp_path: Path, rng, firmware: Firmware):
    behind = Behind(tmp_path, firmware, skewed(rng, 1), skewed(rng, 1))
    async with behind.cluster.open(), trio.open_nursery() as nursery:
        await behind.start(nursery)
        for _ in range(25):
            await trio.sleep(float(rng.exponential(0.7)))
            behind.things[0].device.reset()
            behind.things[0].wake()
        made = exchanges(behind, 0)
        await until(lambda: exchanges(behind, 0) > made + 3, within_s=60)
        nursery.cancel_scope.cancel()
    assert len(behind.told(0, "device.seeded")) == 1
    device, state = behind.things[0].device, behind.machine(0)
    assert device.look().sequence in (made + 3, made + 4)
    assert not device.misused_flash
    assert state.count("device.greeted") > 10


async def test_a_device_that_sleeps_keeps_its_place(
    autojump_clock, tmp_path: Path, rng, firmware: Firmware
):
    behind = Behind(tmp_path, firmware, skewed(rng, 1), skewed(rng, 2))
    async with behind.cluster.open(), trio.open_nursery() as nursery:
        await behind.start(nursery)
        await until(lambda: exchanges(behind, 0) > 5, within_s=60)
        device, thing, machine = behind.things[0].device, behind.things[0], behind.machine(0)
        device.sleep(100)
        await until(lambda: behind.services[0].status()["state"] == "asleep", within_s=30)
        made, before = exchanges(behind, 0), machine.average()
        await trio.sleep(60)
        status = behind.services[0].status()
        assert (status["state"], status["exchanges"]) == ("asleep", made)
        assert 30 < status["asleep_s"] < 45
        # Its agent goes on merging, but without a control variate, as a node that rests.
        assert machine.neighbours() == ["node-1", "node-2"]
        assert not np.array_equal(machine.average(), before)
        assert machine.running.mixer.replica.activity_code() == 0
        await trio.sleep(60)
        assert behind.services[0].status()["state"] == "overdue"
        device.wake()
        thing.wake()
        await until(lambda: exchanges(behind, 0) > made + 3, within_s=30)
        assert behind.services[0].status()["state"] == "learning"
        assert machine.running.mixer.replica.activity_code() > 0
        nursery.cancel_scope.cancel()
    assert len(behind.told(0, "device.seeded")) == 1


async def test_a_model_that_is_too_large(autojump_clock, tmp_path: Path, rng, firmware: Firmware):
    wide = attrs.evolve(MANIFEST, layers=perceptron((20,)))
    behind = Behind(tmp_path, firmware, skewed(rng, 1), skewed(rng, 2), manifest=wide)
    async with behind.cluster.open(), trio.open_nursery() as nursery:
        await behind.start(nursery)
        await trio.sleep(100)
        status = behind.services[0].status()
        rounds = [each.status()["exchanges"] for each in behind.cluster.devices[1:]]
        nursery.cancel_scope.cancel()
    assert status["state"] == "unfit"
    assert "too large" in status["unfit"]
    assert {event["device"] for event in behind.told(0, "device.unfit")} == {"node-0"}
    assert min(rounds) > 20


async def test_keys_are_replaced_without_a_greeting(
    autojump_clock, tmp_path: Path, rng, firmware: Firmware
):
    behind = Behind(tmp_path, firmware, skewed(rng, 1), skewed(rng, 1))
    async with behind.cluster.open(), trio.open_nursery() as nursery:
        await behind.start(nursery)
        for key in (2, 3):
            made = exchanges(behind, 0)
            await until(lambda made=made: exchanges(behind, 0) > made + 2, within_s=30)
            old = behind.services[0].keyring.identity
            behind.services[0].rotate()
            await until(lambda: not behind.services[0].rotating, within_s=30)
            assert behind.services[0].status()["key"] == key
        late = seal(old, TO_GATEWAY, 2**31, b"\x05\0\0\0\0")
        behind.services[0].take(Arrival(late, "udp 192.0.2.1:9", nowhere))
        await trio.sleep(5)
        made = exchanges(behind, 0)
        await until(lambda: exchanges(behind, 0) > made, within_s=30)
        nursery.cancel_scope.cancel()
    assert [event["reason"] for event in behind.told(0, "device.refused")] == [
        f"device {old.id.hex()}: key 2 is not in use"
    ]
    assert len(behind.told(0, "device.seeded")) == 1


async def test_a_device_that_lost_its_flash_gets_another_code(
    autojump_clock, tmp_path: Path, rng, firmware: Firmware
):
    behind = Behind(tmp_path, firmware, skewed(rng, 1), skewed(rng, 1))
    async with behind.cluster.open(), trio.open_nursery() as nursery:
        await behind.start(nursery)
        await until(lambda: exchanges(behind, 0) > 5, within_s=60)
        code = b"another code ..."
        behind.services[0].enrol(keyring_of(code))
        behind.things[0].device.flash(2 * SMALL.slot)[:] = 0xFF
        behind.things[0].device.reset()
        assert behind.things[0].device.enrol(print_code(code))
        behind.things[0].wake()
        await until(lambda: len(behind.told(0, "device.seeded")) == 2, within_s=30)
        await until(lambda: exchanges(behind, 0) > 5, within_s=60)
        nursery.cancel_scope.cancel()


async def test_samples_are_trained_on_where_the_operator_allows_it(
    autojump_clock, tmp_path: Path, rng, uploading: Firmware
):
    test = clouds(rng, 500)
    left, *nodes = skewed(rng, 3)
    nodes = [each for each in nodes if each.targets.mean() > 0.5]
    behind = Behind(tmp_path, uploading, [left], nodes, takes_samples=True)
    async with behind.cluster.open(), trio.open_nursery() as nursery:
        await behind.start(nursery)
        await until(lambda: behind.services[0].status()["samples"] == len(left), within_s=30)
        await behind.kill_agent(0)
        service = await behind.start_agent(nursery, 0)
        assert service.status()["samples"] == len(left)
        await trio.sleep(80)
        found = [behind.cluster.accuracy(each, test) for each in behind.cluster.devices]
        assert (service.status()["samples"], service.status()["state"]) == (len(left), "learning")
        nursery.cancel_scope.cancel()
    assert min(found) > 0.88


async def test_samples_are_refused_and_forgotten_where_the_operator_does_not(
    autojump_clock, tmp_path: Path, rng, uploading: Firmware
):
    behind = Behind(tmp_path, uploading, skewed(rng, 1), skewed(rng, 1), takes_samples=True)
    async with behind.cluster.open(), trio.open_nursery() as nursery:
        await behind.start(nursery)
        await until(lambda: behind.services[0].status()["samples"] > 10, within_s=30)
        await behind.kill_agent(0)
        behind.takes_samples = False
        service = await behind.start_agent(nursery, 0)
        await until(lambda: service.status()["state"] == "unfit", within_s=90)
        assert "--allow-sample-upload" in service.status()["unfit"]
        await behind.kill_agent(0)
        behind.takes_samples = True
        service = await behind.start_agent(nursery, 0)
        assert service.status()["samples"] == 1
        nursery.cancel_scope.cancel()
