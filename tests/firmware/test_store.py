"""Power that is cut at every byte that goes to the flash."""

import numpy as np
import pytest

from gossipfl.devices.keys import print_code
from gossipfl.gossip.link import Planted
from tests.firmware.conftest import Build
from tests.firmware.device import (
    CODE,
    Wire,
    check_link,
    copied,
    device_for,
    made_of,
    plan_of,
    session_for,
    wire_for,
)
from tests.firmware.library import SMALL, Firmware

WIDTHS = (5, 4, 3)
# Each of them in long runs; 7 has no factor in common with words, records and pages.
EVERY_BYTE = pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.soak)])


def run_until_dead(wire: Wire) -> None:
    """Until the cut, which must come."""
    for _ in range(4000):
        if wire.device.dead:
            return
        wire.step()
    raise AssertionError("the power was never cut")


def first_days(firmware: Firmware, cut: int) -> Wire:
    """A device whose power is cut after so many bytes of its life."""
    wire = Wire(device_for(made_of(firmware), WIDTHS), session_for(plan_of(WIDTHS)))
    wire.device.cut_after(cut)
    wire.device.enrol(print_code(CODE))
    for _ in range(40):
        wire.step()
    return wire


@EVERY_BYTE
def test_a_cut_at_every_byte_of_enrolment_and_first_transfer(build: Build, stride: int) -> None:
    firmware, cut = build(SMALL), 0
    while True:
        wire = first_days(firmware, cut)
        if not wire.device.dead:
            break
        wire.device.reset()
        wire.coming = b""
        if wire.device.look().phase == "unenrolled":
            assert wire.device.enrol(print_code(CODE))
        wire.run_until(lambda look: look.exchanges >= 1 and look.phase == "resting")
        check_link(wire)
        assert not wire.device.misused_flash
        cut += stride
    assert cut > 400


@EVERY_BYTE
def test_a_cut_at_every_byte_of_exchanges_and_checkpoints(build: Build, stride: int) -> None:
    """Nothing is made twice or lost, and the link is never seeded again."""
    wire = wire_for(made_of(build(SMALL)), WIDTHS)
    wire.run_until(lambda look: look.exchanges == 3 and look.phase == "resting")
    flash, session = wire.device.flash(2 * SMALL.slot), wire.session
    whole, found = flash.copy(), set[int]()
    for cut in range(0, 1300, stride):
        flash[:] = whole
        wire.device.reset()
        wire.coming, wire.session = b"", copied(session)
        wire.device.cut_after(cut)
        run_until_dead(wire)
        wire.device.reset()
        wire.coming = b""
        reached = wire.device.look().sequence
        assert wire.session.state.sequence in (reached, reached + 1)
        wire.run_until(lambda look: look.phase == "resting")
        check_link(wire)
        found.add(reached)
    assert sum(isinstance(record, Planted) for record in wire.records) == 1
    assert not wire.device.misused_flash
    assert not wire.errors
    assert len(found) > 4


def test_flash_that_is_damaged_at_rest_is_as_if_it_were_empty_or_older(build: Build) -> None:
    """Whatever byte changes, the device ends up with a link that both ends agree on."""
    wire = wire_for(made_of(build(SMALL)), WIDTHS)
    wire.run_until(lambda look: look.exchanges == 3)
    flash, rng = wire.device.flash(2 * SMALL.slot), np.random.default_rng(0)
    whole = flash.copy()
    for place in np.flatnonzero(whole != 0xFF)[::7]:
        flash[:] = whole
        flash[place] ^= 1 << rng.integers(8)
        wire.device.reset()
        assert wire.device.look().phase in ("unenrolled", "keying", "greeting")


def test_a_flash_that_fails_stops_the_device_and_sends_nothing(build: Build) -> None:
    wire = wire_for(made_of(build(SMALL)), WIDTHS)
    wire.run_until(lambda look: look.exchanges == 3)
    wire.device.cut_after(0)
    sent = len(wire.sent)
    run_until_dead(wire)
    for _ in range(5):
        wire.step()
    assert wire.device.look().phase == "failed"
    assert len(wire.sent) == sent
