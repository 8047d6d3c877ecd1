"""What devices may send, changed at random from what they do send: by the million in long runs."""

import numpy as np
import pytest

from gossipfl.devices import messages
from gossipfl.devices.framing import Deframer, enframe
from gossipfl.errors import PeerError, RemoteProtocolError
from tests.devices.test_messages import HELLO, Gateway

SAID = tuple(
    messages.encode(message)
    for message in (
        HELLO,
        messages.Key(b"d" * 16),
        messages.Fetch(bytes(8), 0),
        messages.Offer(1, bytes(2), 80, 25, b"\x02\x03\x04\x05\x06"),
        messages.Sleep(9),
        messages.Orders(1, 16, 5, 10, 0.5, 0.0, 48, 1, bytes(8), 9640, (64, 32, 10)),
        messages.Chunk(8, bytes(40)),
    )
)
RUNS = pytest.mark.parametrize("inputs", [500, pytest.param(1_000_000, marks=pytest.mark.soak)])


def changed(rng: np.random.Generator, content: bytes) -> bytes:
    """A few bytes other, cut off, or put in."""
    out = bytearray(content)
    for _ in range(rng.integers(4)):
        place = int(rng.integers(len(out) + 1))
        match rng.integers(3):
            case 0:
                out[place : place + 1] = rng.bytes(1)
            case 1:
                del out[place : place + int(rng.integers(1, 9))]
            case _:
                out[place:place] = rng.bytes(int(rng.integers(1, 9)))
    return bytes(out)


@RUNS
def test_messages_are_read_as_they_were_written_or_not_at_all(inputs: int) -> None:
    rng, read = np.random.default_rng(1), 0
    for i in range(inputs):
        content = changed(rng, SAID[i % len(SAID)])
        try:
            assert messages.encode(messages.decode(content)) == content
            read += 1
        except RemoteProtocolError:
            continue
    assert inputs / 4 < read < inputs


@RUNS
def test_frames_pass_through_noise(inputs: int) -> None:
    """Noise that is over costs the frame behind it nothing."""
    rng, deframer, found = np.random.default_rng(2), Deframer(2000), 0
    for i in range(inputs):
        list(deframer.feed(changed(rng, enframe(SAID[i % len(SAID)])) + b"\0"))
        found += list(deframer.feed(enframe(SAID[0]))) == [SAID[0]]
    assert found == inputs


@RUNS
def test_a_device_under_its_own_key_cannot_break_its_gateway(inputs: int) -> None:
    rng, gateway, errors = np.random.default_rng(3), Gateway(), 0
    for i in range(inputs):
        try:
            gateway.say_bytes(changed(rng, SAID[i % 5]))
        except PeerError:
            errors += 1
        if i % 1000 == 999:
            assert np.isfinite(gateway.session.replica.parameters).all()
            gateway = Gateway()
    assert inputs / 4 < errors < inputs
