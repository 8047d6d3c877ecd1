"""Messages between device and gateway, and sessions that no garbled one disturbs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.devices import messages
from gossipfl.devices.frames import TO_DEVICE, TO_GATEWAY, open_frame, seal
from gossipfl.devices.keyring import keyring_of
from gossipfl.devices.keys import identity_of
from gossipfl.devices.messages import (
    GREET_ME,
    HOLDS_NOTHING,
    Chunk,
    Fetch,
    GoodNight,
    Grant,
    Hello,
    Key,
    Offer,
    Orders,
    Refusal,
    Sleep,
)
from gossipfl.devices.plan import DevicePlan
from gossipfl.devices.session import DeviceSession
from gossipfl.errors import ConfigError, PeerError, RemoteProtocolError, Untrusted
from gossipfl.gossip.link import LinkState
from gossipfl.gossip.replica import Replica
from gossipfl.learning.settings import TrainingSettings
from gossipfl.models.layers import Dense, Dropout, ReLU
from gossipfl.models.sequential import Sequential

CODE, CHANCE = bytes(range(16)), b"g" * 16
SPEC = Sequential(Dense(4), ReLU(), Dense(3), shape=(5,), loss="cross-entropy")
HELLO = Hello(100, 20, 2, 0, 16, 30, 128, 5, 3, 40, 255, 0, HOLDS_NOTHING)


def session() -> DeviceSession:
    plan = DevicePlan(spec=SPEC, settings=TrainingSettings(momentum=0.5), keep_ratio=0.1)
    replica = Replica(SPEC.initial(0), samples=10, step_size=0.1, activity=0.2)
    state = LinkState(np.zeros(SPEC.parameters, np.float32))
    return DeviceSession(keyring_of(CODE), plan, replica, state)


class Gateway:
    """A session, and the device's half of keys and counters."""

    def __init__(self) -> None:
        self.session, self.counter, self.identity = session(), 0, identity_of(CODE)
        grant = self.say(Key(b"d" * 16))
        assert isinstance(grant, Grant)
        self.identity = self.identity.next(b"d" * 16, grant.chance)

    def say(self, message: messages.FromDevice) -> messages.ToDevice:
        return self.say_bytes(messages.encode(message))

    def say_bytes(self, content: bytes) -> messages.ToDevice:
        self.counter += 1
        frame = seal(self.identity, TO_GATEWAY, self.counter, content)
        answer = messages.decode(
            open_frame(self.identity, self.session.receive(frame, CHANCE).frame)
        )
        assert isinstance(answer, messages.ToDevice)
        return answer


@pytest.mark.parametrize(
    ("message", "content"),
    [
        (Key(b"d" * 16), "01" + "64" * 16),
        (Fetch(b"12345678", 500), "04" + "3132333435363738" + "f4010000"),
        (Sleep(3600), "05100e0000"),
        (Offer(7, b"ab", 80, 25, b"\x00"), "030700000061625019000000" + "00"),
        (Chunk(8, bytes(4)), "840800000000000000"),
        (GoodNight(), "85"),
        (Refusal(5), "8605"),
        (
            Orders(1, 16, 5, 10, 0.5, 0.0, 48, 1, b"12345678", 9640, (64, 32, 10)),
            "82011000050" + "00a0000000000003f00000000300001" + "3132333435363738" + "a8250000"
            "02400020000a00",
        ),
        (
            HELLO,
            "0264000000140002001000" + "1e00800005000300" + "28000000ff00000000" + "ff" * 8,
        ),
    ],
)
def test_vectors_of_the_specification(message: messages.FromDevice, content: str) -> None:
    assert messages.encode(message).hex() == content
    assert messages.decode(bytes.fromhex(content)) == message


@given(st.binary(max_size=80))
def test_whatever_comes_is_a_message_or_an_error(content: bytes) -> None:
    try:
        message = messages.decode(content)
    except RemoteProtocolError:
        return
    assert messages.encode(message) == content


@given(
    st.lists(
        st.binary(max_size=60) | st.binary(min_size=20, max_size=60).map(lambda b: b"\x10" + b)
    )
)
def test_frames_of_strangers_change_nothing(frames: list[bytes]) -> None:
    gateway = session()
    before = gateway.keyring
    for frame in frames:
        with pytest.raises(PeerError):
            gateway.receive(frame, CHANCE)
    assert gateway.keyring == before


MUTATED = st.sampled_from(
    [HELLO, Fetch(HOLDS_NOTHING, 0), Sleep(1), Offer(1, bytes(2), 1, 40, b"\x01\x00\x00\x7f")]
).map(messages.encode)


@given(st.lists(st.tuples(MUTATED, st.integers(0, 50), st.integers(0, 255)), max_size=12))
def test_a_device_gone_mad_harms_nobody_but_its_link(
    said: list[tuple[bytes, int, int]],
) -> None:
    """Under the right key: every answer is a message, and the model stays finite."""
    gateway = Gateway()
    for content, place, value in said:
        changed = bytearray(content)
        changed[place % len(changed)] = value
        try:
            gateway.say_bytes(bytes(changed))
        except PeerError:
            continue
    assert np.isfinite(gateway.session.replica.parameters).all()


def test_a_code_is_good_for_a_key_only() -> None:
    own = session()
    with pytest.raises(Untrusted, match="code"):
        own.receive(seal(identity_of(CODE), TO_GATEWAY, 1, messages.encode(HELLO)), CHANCE)
    with pytest.raises(RemoteProtocolError, match="GoodNight"):
        own.receive(seal(identity_of(CODE), TO_GATEWAY, 2, messages.encode(GoodNight())), CHANCE)


def test_answers_of_the_gateway_are_no_frames_to_it() -> None:
    answer = seal(identity_of(CODE), TO_DEVICE, 1, messages.encode(HELLO))
    with pytest.raises(RemoteProtocolError, match="0x11"):
        session().receive(answer, CHANCE)


def test_before_it_greets_a_device_is_asked_to() -> None:
    gateway = Gateway()
    assert gateway.say(Fetch(HOLDS_NOTHING, 0)) == Refusal(GREET_ME)
    assert gateway.say(Sleep(5)) == Refusal(GREET_ME)


def test_a_seed_piece_by_piece() -> None:
    gateway = Gateway()
    orders = gateway.say(HELLO)
    assert isinstance(orders, Orders)
    assert (orders.seed_bytes, orders.keep, orders.mark_bits) == (4 * 39, 4, 2)
    assert orders.learning_rate == pytest.approx(0.2)  # no velocity: further by 1 / (1 - momentum)
    found = b""
    while len(found) < orders.seed_bytes:
        chunk = gateway.say(Fetch(orders.seed, len(found)))
        assert isinstance(chunk, Chunk)
        found += chunk.content
    np.testing.assert_array_equal(np.frombuffer(found, "<f4"), SPEC.initial(0))
    assert gateway.say(Fetch(orders.seed, len(found))) == orders
    assert gateway.say(Fetch(bytes(8), 0)) == orders


@pytest.mark.parametrize(
    ("layers", "loss"),
    [
        ((Dense(3), Dense(3)), "cross-entropy"),
        ((Dense(3), ReLU(), Dropout(0.5), Dense(3)), "cross-entropy"),
        ((Dense(3),), "squared-error"),
    ],
)
def test_models_that_the_firmware_does_not_know(layers: tuple[object, ...], loss: str) -> None:
    spec = Sequential(*layers, shape=(5,), loss=loss)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="perceptrons"):
        DevicePlan(spec=spec, settings=TrainingSettings())


@pytest.mark.parametrize(
    "settings",
    [
        TrainingSettings(optimizer="adam"),
        TrainingSettings(schedule="cosine:100"),
        TrainingSettings(weight_decay=0.1),
        TrainingSettings(clip_norm=1),
        TrainingSettings(momentum=0.5, nesterov=True),
    ],
)
def test_settings_that_the_firmware_does_not_know(settings: TrainingSettings) -> None:
    with pytest.raises(ConfigError, match="sgd"):
        DevicePlan(spec=SPEC, settings=settings)
