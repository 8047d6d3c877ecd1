"""A part that cannot train, and a gateway that may take its samples."""

import numpy as np
import pytest

from gossipfl.devices.keys import print_code
from gossipfl.devices.messages import NO_UPLOADS, OTHER_CLASSES, Hello, Samples, Taken, encode
from gossipfl.devices.uploads import Uploads
from gossipfl.errors import RemoteProtocolError, StateError
from tests.firmware.conftest import Build
from tests.firmware.device import CODE, Wire, device_for, made_of, plan_of, session_for
from tests.firmware.library import SMALL, Sizes
from tests.firmware.test_agent import unreliable

WIDTHS = (5, 4, 3)
UPLOADS = Sizes(inputs=5, message=128, slot=1152, upload=1)


def wire_for(build: Build, sizes: Sizes, widths: tuple[int, ...], allowed: bool) -> Wire:
    session = session_for(plan_of(widths))
    session.uploads = Uploads(5, 3, 1000) if allowed else None
    wire = Wire(device_for(made_of(build(sizes)), WIDTHS), session)
    assert wire.device.enrol(print_code(CODE))
    return wire


def sent(wire: Wire) -> list[Samples]:
    return [message for message in wire.messages if isinstance(message, Samples)]


@pytest.mark.parametrize("seed", range(3))
def test_every_sample_comes_once(build: Build, seed: int) -> None:
    wire = wire_for(build, UPLOADS, WIDTHS, allowed=True)
    wire.pass_on = unreliable(seed, 0.3)
    for _ in range(3):
        wire.run_until(lambda look: look.phase == "uploading")
        wire.device.reset()
        wire.coming = b""
    wire.run_until(lambda look: look.phase == "resting")
    rows = device_for(made_of(build(SMALL)), WIDTHS)
    uploads = wire.session.uploads
    assert uploads is not None
    np.testing.assert_array_equal(uploads.features, rows._features)
    np.testing.assert_array_equal(uploads.labels, rows._classes)
    assert max(len(encode(message)) for message in sent(wire)) <= UPLOADS.message


def test_a_device_that_has_sent_all_greets_again_and_sends_no_more(build: Build) -> None:
    wire = wire_for(build, UPLOADS, WIDTHS, allowed=True)
    wire.run_until(lambda look: look.phase == "resting")
    said = len(sent(wire))
    for _ in range(50):
        wire.step()
    assert sum(isinstance(message, Hello) for message in wire.messages) > 5
    assert len(sent(wire)) == said == 5  # 25 rows of 22 bytes in messages of 128


def test_keys_are_replaced_between_samples(build: Build) -> None:
    wire = wire_for(build, UPLOADS, WIDTHS, allowed=True)
    wire.run_until(lambda look: look.phase == "uploading")
    wire.session.rotate()
    wire.run_until(lambda look: look.epoch == 2)
    wire.run_until(lambda look: look.phase == "resting")
    assert not wire.session.rotating
    wire.session.rotate()  # with nothing left to send
    wire.run_until(lambda look: look.epoch == 3)
    wire.run_until(lambda look: look.phase == "resting")
    assert not wire.errors
    assert len({(message.first, message.content) for message in sent(wire)}) == 5


def test_what_is_not_allowed_is_refused_and_not_kept(build: Build) -> None:
    wire = wire_for(build, UPLOADS, WIDTHS, allowed=False)
    look = wire.run_until(lambda look: look.phase == "resting")
    assert look.refusal == NO_UPLOADS
    assert not sent(wire)


def test_samples_of_another_kind_are_refused(build: Build) -> None:
    wire = wire_for(build, UPLOADS, (5, 4, 4), allowed=True)
    look = wire.run_until(lambda look: look.phase == "resting")
    assert look.refusal == OTHER_CLASSES


def test_a_device_that_trains_never_sends_samples(build: Build) -> None:
    """Not even to a gateway that asks for them instead of giving orders."""
    wire = wire_for(build, SMALL, WIDTHS, allowed=True)
    wire.session._on_hello = lambda hello: (Taken(0, 0, 1), ())  # type: ignore[method-assign]
    for _ in range(40):
        wire.step()
    assert wire.device.look().phase == "greeting"
    assert sum(isinstance(message, Hello) for message in wire.messages) > 5
    assert not sent(wire)


def test_rows_that_are_none() -> None:
    uploads = Uploads(2, 3, 4)
    good = np.zeros(1, uploads._layout).tobytes()
    for content in (b"", good[:-1], good + b"\0", b"\3\0" + good[2:], good[:-2] + b"\x80\x7f"):
        with pytest.raises(RemoteProtocolError):
            uploads.take(0, content)
    assert uploads.wanted == 0


def test_the_newest_rows_are_kept_and_restored() -> None:
    uploads = Uploads(2, 3, 4)
    for i in range(9):
        row = np.zeros(1, uploads._layout)
        row["class"], row["features"] = i % 3, i
        uploads.take(i, row.tobytes())
        uploads.take(i, row.tobytes())
    assert uploads.wanted == 9
    assert uploads.features[:, 0].tolist() == [5, 6, 7, 8]
    again = Uploads(2, 3, 4)
    again.restore(uploads.encode())
    assert (again.wanted, again.labels.tolist()) == (9, [2, 0, 1, 2])
    for damaged in (b"", b"\xff", uploads.encode()[:-1], uploads.encode() + b"\0"):
        with pytest.raises(StateError, match="delete them"):
            again.restore(damaged)
