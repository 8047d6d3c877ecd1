"""The agents, in C and for MicroPython, and the Python session, frame by frame."""

from collections.abc import Callable

import numpy as np
import pytest

from gossipfl.compression import SparseCodec
from gossipfl.devices.frames import read_head
from gossipfl.devices.framing import Deframer
from gossipfl.devices.keys import print_code
from gossipfl.devices.messages import (
    MODEL_TOO_LARGE,
    OTHER_CLASSES,
    OTHER_INPUTS,
    Fetch,
    Hello,
    Offer,
    Sleep,
)
from gossipfl.gossip.link import Planted
from gossipfl.learning.training import predict
from tests.firmware.conftest import Build
from tests.firmware.device import (
    Device,
    Make,
    Wire,
    check_link,
    device_for,
    plan_of,
    session_for,
    wire_for,
)
from tests.firmware.library import Sizes

WIDTHS = (5, 4, 3)
SPANS = ((0, 20), (20, 24), (24, 36), (36, 39))


def unreliable(seed: int, share: float) -> Callable[[bytes], list[bytes]]:
    """Loses, repeats, garbles and cuts short what it passes on."""
    rng = np.random.default_rng(seed)

    def pass_on(content: bytes) -> list[bytes]:
        if rng.random() >= share:
            return [content]
        broken = bytearray(content)
        broken[rng.integers(len(broken))] ^= 1 << rng.integers(8)
        cut = content[: rng.integers(len(content))]
        return [[], [content, content], [bytes(broken)], [cut, content]][rng.integers(4)]

    return pass_on


def test_from_a_code_to_exchanges(make: Make) -> None:
    wire = wire_for(make, WIDTHS)
    start = wire.session.replica.parameters.copy()
    look = wire.run_until(lambda look: look.exchanges == 25)
    check_link(wire)
    assert look.epoch == 1
    assert wire.session.keyring.enrolled
    assert not wire.errors
    assert look.steps == 75
    assert not np.array_equal(wire.session.replica.parameters, start)


def test_steps_are_the_devices_and_all_else_is_the_agents(make: Make) -> None:
    """The agent gets all that steps came to, sooner or later, and the control variate with it;
    where its model goes, by whatever moves it, steps start.
    """
    wire, rng = wire_for(make, WIDTHS), np.random.default_rng(2)
    wire.run_until(lambda look: look.phase == "training")
    size, replica = wire.session.state.anchor.size, wire.session.replica
    codec, step_size = SparseCodec(size, SPANS), plan_of(WIDTHS).step_size
    made, told = np.zeros(size), np.zeros(size)
    for _ in range(10):
        wire.run_until(lambda look: look.phase == "exchanging")
        made += wire.device.vector("x", size) - wire.device.vector("R", size)
        moved = rng.normal(size=size).astype(np.float32)
        replica.parameters += moved
        replica.control += 0.04 * moved
        before = replica.parameters.copy()
        wire.run_until(lambda look: look.phase != "exchanging")
        behind = np.linalg.norm(wire.device.vector("R", size) - before)
        assert behind < np.linalg.norm(moved)
        heard = codec.decode(wire.records[-1].theirs.payload)
        half = np.zeros(size)
        half[heard.indices] = heard.values
        expected = before + half + step_size * replica.control
        np.testing.assert_allclose(replica.parameters, expected, atol=1e-5)
        told += half
        np.testing.assert_allclose(told + wire.device.vector("e", size), made, atol=1e-4)
    assert np.linalg.norm(told) > 0.1


def test_a_reset_forgets_what_was_not_told(make: Make) -> None:
    wire = wire_for(make, WIDTHS)
    wire.run_until(lambda look: look.exchanges == 3 and look.phase == "resting")
    assert wire.device.vector("e", 39).any()
    wire.device.reset()
    assert not wire.device.vector("e", 39).any()
    check_link(wire)


@pytest.mark.parametrize("seed", range(4))
def test_a_wire_that_loses_repeats_and_garbles(make: Make, seed: int) -> None:
    wire = wire_for(make, WIDTHS, unreliable(seed, 0.3))
    look = wire.run_until(lambda look: look.exchanges == 40)
    wire.pass_on = lambda content: [content]
    last = wire.run_until(lambda now: now.exchanges > look.exchanges and now.phase == "resting")
    check_link(wire)
    assert sum(isinstance(record, Planted) for record in wire.records) == 1
    assert wire.session.state.sequence == last.sequence == last.exchanges
    assert wire.errors  # repeated frames were refused


@pytest.mark.parametrize("seed", range(3))
def test_resets_at_any_moment(make: Make, seed: int) -> None:
    """Nothing is fetched twice, no exchange is lost or made twice, no counter comes again."""
    rng = np.random.default_rng(seed)
    wire = wire_for(make, WIDTHS, unreliable(seed, 0.1))
    # MicroPython takes longer to start.
    for _ in range(150 if isinstance(wire.device, Device) else 40):
        for _ in range(rng.integers(12)):
            wire.step()
        wire.device.reset()
        wire.coming = b""
    wire.run_until(lambda look: look.sequence >= 20 and look.phase == "resting")
    check_link(wire)
    assert sum(isinstance(record, Planted) for record in wire.records) == 1
    assert not wire.device.misused_flash


def test_a_transfer_goes_on_where_a_reset_broke_it(make: Make) -> None:
    wire = wire_for(make, WIDTHS)
    wire.run_until(lambda look: look.fetched > 0)
    wire.device.reset()
    wire.coming = b""
    wire.run_until(lambda look: look.phase == "training")
    offsets = [message.offset for message in wire.messages if isinstance(message, Fetch)]
    assert offsets == [0, 120, 120]


def test_counters_only_rise(make: Make) -> None:
    wire, found = wire_for(make, WIDTHS), list[int]()
    deframer = Deframer(2026)

    def note(content: bytes) -> list[bytes]:
        found.extend(read_head(frame).counter for frame in deframer.feed(content))
        return [content]

    rng = np.random.default_rng(0)
    for _ in range(200):
        if rng.random() < 0.1:
            wire.device.reset()
        due, content = wire.device.poll(0, wire.coming)
        wire.coming = b""
        note(content)
        wire.device.poll(due if due < 10**6 else 0)
    assert len(found) > 20
    assert found == sorted(set(found))


def test_a_gateway_that_restarts(make: Make) -> None:
    wire = wire_for(make, WIDTHS)
    wire.run_until(lambda look: look.exchanges == 3)
    old = wire.session
    wire.session = session_for(plan_of(WIDTHS))
    wire.session.keyring, wire.session.state = old.keyring, old.state
    wire.session.replica = old.replica
    wire.run_until(lambda look: look.exchanges == 6)
    check_link(wire)
    assert sum(isinstance(message, Hello) for message in wire.messages) == 2
    assert not any(isinstance(message, Fetch) for message in wire.messages[-6:])


def test_a_gateway_that_lost_the_link_seeds_it_anew(make: Make) -> None:
    wire = wire_for(make, WIDTHS)
    wire.run_until(lambda look: look.exchanges == 3)
    wire.session.state.__init__(np.zeros_like(wire.session.state.anchor))  # type: ignore[misc]
    wire.run_until(lambda look: look.exchanges == 6)
    check_link(wire)
    assert wire.session.state.sequence == 3


def test_another_gateway_takes_the_device_over(make: Make) -> None:
    """With another code; the device keeps its model until the other's has come; counters go on."""
    wire = wire_for(make, WIDTHS)
    wire.run_until(lambda look: look.exchanges == 3)
    before = wire.device.vector("R", 39)
    other = bytes(16)
    assert wire.device.enrol(print_code(other))
    wire.session = session_for(plan_of(WIDTHS), other)
    wire.run_until(lambda look: 0 < look.fetched < 4 * 39)
    np.testing.assert_array_equal(wire.device.vector("R", 39), before)
    wire.run_until(lambda look: look.exchanges == 6)
    check_link(wire)


def test_keys_are_replaced_and_old_ones_are_worth_nothing(make: Make) -> None:
    wire = wire_for(make, WIDTHS)
    wire.run_until(lambda look: look.exchanges == 2)
    old = wire.session.keyring.identity
    for epoch in (2, 3):
        wire.session.rotate()
        wire.device.reset()  # it greets
        wire.run_until(lambda look, epoch=epoch: look.epoch == epoch and look.phase == "training")
    assert wire.session.keyring.identity.epoch == 3
    assert wire.session.keyring.identity.key != old.key
    assert not wire.errors
    wire.run_until(lambda look: look.exchanges == 4)
    check_link(wire)


def test_a_code_of_another_device_opens_nothing(make: Make) -> None:
    wire = Wire(device_for(make, WIDTHS), session_for(plan_of(WIDTHS)))
    assert wire.device.enrol(print_code(bytes(16)))
    for _ in range(60):
        wire.step()
    assert wire.device.look().phase == "keying"
    assert len(wire.errors) > 3
    assert not wire.messages


@pytest.mark.parametrize("code", ["", "abc", "a" * 27, "0" * 26, "a" * 25 + "b", "!" * 26])
def test_what_is_no_code_is_refused(make: Make, code: str) -> None:
    device = device_for(make, WIDTHS)
    assert not device.enrol(code)
    assert device.look().phase == "unenrolled"
    assert device.poll() == (0xFFFFFFFF, b"")


@pytest.mark.parametrize(
    ("planned", "reason"),
    [((5, 6, 3), MODEL_TOO_LARGE), ((6, 3), OTHER_INPUTS), ((5, 4), OTHER_CLASSES)],
)
def test_what_does_not_fit_is_refused_and_asked_again(
    make: Make, planned: tuple[int, ...], reason: int
) -> None:
    wire = Wire(device_for(make, WIDTHS), session_for(plan_of(planned)))
    assert wire.device.enrol(print_code(bytes(range(16))))
    wire.run_until(lambda look: look.phase == "resting")
    assert wire.device.look().refusal == reason
    better = session_for(plan_of(WIDTHS))
    better.keyring, wire.session = wire.session.keyring, better
    wire.run_until(lambda look: look.exchanges == 1)
    assert wire.device.look().refusal == 0


def test_sleep_and_wake(make: Make) -> None:
    wire = wire_for(make, WIDTHS)
    wire.run_until(lambda look: look.exchanges == 3)
    wire.device.sleep(3600)
    wire.run_until(lambda look: look.phase == "asleep")
    assert wire.messages[-1] == Sleep(3600)
    residual = wire.device.vector("e", 39)
    assert residual.any()
    assert wire.device.poll(10_000) == (0xFFFFFFFF, b"")
    wire.device.reset()  # as after deep sleep: local training was stored before
    np.testing.assert_array_equal(wire.device.vector("e", 39), residual)
    wire.run_until(lambda look: look.exchanges == 2)
    check_link(wire)


def test_a_gateway_that_is_away_at_bedtime(make: Make) -> None:
    wire = wire_for(make, WIDTHS)
    wire.run_until(lambda look: look.exchanges == 3)
    wire.pass_on = lambda content: []
    wire.device.sleep(60)
    wire.run_until(lambda look: look.phase == "asleep")
    wire.pass_on = lambda content: [content]
    wire.device.wake()
    wire.run_until(lambda look: look.exchanges == 5)
    check_link(wire)


def test_a_flood_changes_nothing(make: Make) -> None:
    """Noise, frames with sound checksums, and all that the gateway ever said, again and again."""
    said = list[bytes]()

    def note(content: bytes) -> list[bytes]:
        said.append(content)
        return [content]

    wire, rng = wire_for(make, WIDTHS, note), np.random.default_rng(5)
    wire.run_until(lambda look: look.exchanges == 4)
    for _ in range(300):
        wire.coming += rng.bytes(60) + b"\0" + said[rng.integers(len(said))]
        wire.step()
        wire.coming += b"\0"
    look = wire.run_until(lambda look: look.phase == "resting" and look.exchanges > 8)
    check_link(wire)
    assert look.strays > 200
    assert sum(isinstance(message, Offer) for message in wire.messages) <= look.sequence + 300


def test_training_that_diverges_starts_from_the_anchor(make: Make) -> None:
    features = np.full((25, 5), 1e30, np.float32)
    device = make(features, np.arange(25) % 3)
    wire = Wire(device, session_for(plan_of(WIDTHS)))
    device.enrol(print_code(bytes(range(16))))
    wire.run_until(lambda look: look.steps == 200)
    assert np.isfinite(device.vector("R", 39)).all()
    assert np.isfinite(device.vector("e", 39)).all()


def test_the_digits_model_learns(build: Build) -> None:
    """64-32-10 on separable rows, on the device alone: its exchanges carry it to the gateway."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 64))
    classes = np.arange(200) % 10
    features = (centres[classes] + rng.normal(0, 0.5, (200, 64))).astype(np.float32)
    wire = Wire(
        Device(build(Sizes()), features, classes),
        session_for(plan_of((64, 32, 10), learning_rate=0.1, batch_size=16, local_steps=5)),
    )
    wire.device.enrol(print_code(bytes(range(16))))
    wire.run_until(lambda look: look.exchanges == 60)
    check_link(wire)
    spec, replica = plan_of((64, 32, 10)).spec, wire.session.replica
    found = predict(spec, replica.parameters, features).argmax(1)
    assert (found == classes).mean() > 0.9
