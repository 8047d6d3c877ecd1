"""Enrolment, rotation, counters."""

import pytest

from gossipfl.devices.frames import TO_GATEWAY, open_frame, read_head, seal
from gossipfl.devices.keyring import Keyring, decode_keyring, keyring_of
from gossipfl.devices.keys import Identity, identity_of, print_code, read_code
from gossipfl.errors import (
    ConfigError,
    LocalProtocolError,
    RemoteProtocolError,
    StateError,
    Untrusted,
)

CODE = bytes(range(16))
DEVICE, GATEWAY = b"d" * 16, b"g" * 16


def frame(identity: Identity, counter: int, message: bytes = b"message") -> bytes:
    return seal(identity, TO_GATEWAY, counter, message)


def opened(keyring: Keyring, content: bytes) -> tuple[Keyring, Identity, bytes]:
    return keyring.open(read_head(content), content)


def test_codes_as_people_type_them() -> None:
    assert print_code(CODE) == "aaaqe-ayeau-daoca-jbifq-ydiob-4"
    assert read_code(print_code(CODE)) == CODE
    assert read_code(print_code(CODE).upper().replace("-", " ")) == CODE
    for wrong in ("", "aaaaa", print_code(CODE) + "a", "1" * 26, "a" * 25 + "b"):
        with pytest.raises(ConfigError):
            read_code(wrong)


def test_vectors_of_the_specification() -> None:
    first = identity_of(CODE)
    second = first.next(DEVICE, GATEWAY)
    assert (first.epoch, second.epoch, first.id) == (0, 1, second.id)
    assert (first.id.hex(), first.key.hex()[:16], second.key.hex()[:16]) == (
        "8b795fb7",
        "91b68f0dff4db471",
        "1e55a3d77c8d2a0c",
    )


def test_a_code_is_used_up_once_its_device_has_another_key() -> None:
    keyring, first = keyring_of(CODE), identity_of(CODE)
    keyring, _, _ = opened(keyring, frame(first, 0))
    assert not keyring.enrolled
    keyring = keyring.grant(DEVICE, GATEWAY)
    keyring, _, _ = opened(keyring, frame(first, 1))  # the answer was lost
    keyring = keyring.grant(DEVICE, GATEWAY)
    second = first.next(DEVICE, GATEWAY)
    keyring, identity, message = opened(keyring, frame(second, 2))
    assert keyring.enrolled
    assert (identity, message) == (second, b"message")
    with pytest.raises(Untrusted, match="not in use"):
        opened(keyring, frame(first, 3))


def test_what_was_granted_before_is_forgotten() -> None:
    first = identity_of(CODE)
    keyring = keyring_of(CODE).grant(DEVICE, GATEWAY).grant(DEVICE, b"x" * 16)
    with pytest.raises(Untrusted, match="another key"):
        opened(keyring, frame(first.next(DEVICE, GATEWAY), 0))


@pytest.mark.parametrize("counter", [0, 4, 5])
def test_counters_only_rise(counter: int) -> None:
    keyring, _, _ = opened(keyring_of(CODE), frame(identity_of(CODE), 5))
    with pytest.raises(Untrusted, match="has been before"):
        opened(keyring, frame(identity_of(CODE), counter))


def test_a_forged_frame_does_not_move_the_counter() -> None:
    keyring = keyring_of(CODE)
    forged = bytearray(frame(identity_of(CODE), 9))
    forged[-1] ^= 1
    with pytest.raises(Untrusted):
        opened(keyring, bytes(forged))
    opened(keyring, frame(identity_of(CODE), 9))


def test_another_devices_name() -> None:
    other = Identity(identity_of(CODE).id, 0, identity_of(bytes(16)).key)
    with pytest.raises(Untrusted, match="another key"):
        opened(keyring_of(CODE), frame(other, 0))


def test_a_head_belongs_to_its_frame() -> None:
    whole = frame(identity_of(CODE), 7)
    for place in range(10):
        changed = bytearray(whole)
        changed[place] ^= 0x20
        with pytest.raises((Untrusted, RemoteProtocolError)):
            opened(keyring_of(CODE), bytes(changed))
    with pytest.raises(Untrusted):
        open_frame(identity_of(CODE), whole[:-1])


def test_the_last_epoch() -> None:
    last = Keyring(Identity(b"1234", 255, bytes(32)))
    assert not last.may_rotate()
    with pytest.raises(LocalProtocolError):
        last.grant(DEVICE, GATEWAY)


def test_stored_and_found_again() -> None:
    keyring = keyring_of(CODE)
    for each in (
        keyring,
        keyring.grant(DEVICE, GATEWAY),
        opened(keyring, frame(identity_of(CODE), 5))[0],
    ):
        assert decode_keyring(each.encode()) == each
        for damaged in (b"", each.encode()[:-1], each.encode() + b"\0", b"\xc0"):
            with pytest.raises(StateError):
                decode_keyring(damaged)
