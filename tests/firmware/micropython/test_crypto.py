"""Ciphers, digests, keys and frames of the MicroPython device, against the published vector,
PyNaCl, Python's own and the gateway's half.
"""

import hashlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_encrypt

from gossipfl.devices.frames import TO_DEVICE, TO_GATEWAY, seal
from gossipfl.devices.framing import Deframer, enframe
from gossipfl.devices.keys import Identity, identity_of, print_code
from tests.firmware.micropython.board import Interpreter
from tests.firmware.test_crypto import RFC_HEAD, RFC_KEY, RFC_NONCE, RFC_SEALED, SUNSCREEN

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
KEYS, NONCES = st.binary(min_size=32, max_size=32), st.binary(min_size=12, max_size=12)
CHANCE = st.binary(min_size=16, max_size=16)
FRAME_MAX = 346


def test_the_vector_of_rfc_8439(interpreter: Interpreter) -> None:
    given = RFC_KEY, RFC_NONCE, RFC_HEAD
    assert interpreter.call("seal", *given, SUNSCREEN) == RFC_SEALED.hex()
    assert interpreter.call("open_sealed", *given, RFC_SEALED) == SUNSCREEN.hex()


@shared
@given(KEYS, NONCES, st.binary(max_size=70), st.binary(max_size=300))
def test_sealing_is_libsodiums(
    interpreter: Interpreter, key: bytes, nonce: bytes, head: bytes, text: bytes
) -> None:
    sealed = crypto_aead_chacha20poly1305_ietf_encrypt(text, head, nonce, key)
    assert interpreter.call("seal", key, nonce, head, text) == sealed.hex()
    assert interpreter.call("open_sealed", key, nonce, head, sealed) == text.hex()


@shared
@given(KEYS, st.binary(max_size=99), st.integers(0, 1 << 20), st.integers(0, 7))
def test_any_changed_bit_is_noticed(
    interpreter: Interpreter, key: bytes, text: bytes, place: int, bit: int
) -> None:
    nonce, head = bytes(12), b"head"
    sealed = bytearray(crypto_aead_chacha20poly1305_ietf_encrypt(text, head, nonce, key))
    sealed[place % len(sealed)] ^= 1 << bit
    assert interpreter.call("open_sealed", key, nonce, head, bytes(sealed)) is None
    assert interpreter.call("open_sealed", key, nonce, head, bytes(sealed[:15])) is None


@shared
@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 64), st.binary(max_size=64))
def test_blake2b_is_pythons(
    interpreter: Interpreter, parts: list[bytes], length: int, key: bytes
) -> None:
    expected = hashlib.blake2b(b"".join(parts), digest_size=length, key=key).digest()
    assert interpreter.call("digest", length, parts, key) == expected.hex()


@shared
@given(CHANCE, CHANCE, CHANCE)
def test_keys_are_derived_alike(
    interpreter: Interpreter, code: bytes, ours: bytes, theirs: bytes
) -> None:
    found = interpreter.call("identities", print_code(code), ours, theirs)
    first = identity_of(code)
    assert found == [plain(identity) for identity in (first, first.next(ours, theirs))]


def plain(identity: Identity) -> str:
    return (identity.id + bytes([identity.epoch]) + identity.key).hex()


@shared
@given(CHANCE, st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=320))
def test_frames_are_sealed_alike(
    interpreter: Interpreter, code: bytes, counter: int, message: bytes
) -> None:
    identity, printed = identity_of(code), print_code(code)
    frame = seal(identity, TO_GATEWAY, counter, message)
    assert interpreter.call("seal_frame", printed, counter, message) == frame.hex()
    answer = seal(identity, TO_DEVICE, counter, message)
    assert interpreter.call("open_frame", printed, counter, answer) == message.hex()
    for stranger in (frame, seal(identity, TO_DEVICE, counter ^ 1, message), answer[:26], b""):
        assert interpreter.call("open_frame", printed, counter, stranger) is None


@shared
@given(
    st.binary(min_size=1, max_size=FRAME_MAX) | st.integers(200, FRAME_MAX).map(lambda n: b"x" * n)
)
def test_frames_are_stuffed_alike(interpreter: Interpreter, frame: bytes) -> None:
    assert interpreter.call("enframe", frame) == enframe(frame).hex()


PIECES = st.one_of(
    st.binary(max_size=40),
    st.binary(min_size=1, max_size=FRAME_MAX + 5).map(enframe),
    st.lists(st.sampled_from([0, 1, 2, 254, 255]), max_size=300).map(bytes),
    st.just(b"\0"),
)


@shared
@given(st.lists(PIECES, max_size=6))
def test_both_find_the_same_frames_in_anything(
    interpreter: Interpreter, pieces: list[bytes]
) -> None:
    deframer = Deframer(FRAME_MAX)
    expected = [frame.hex() for piece in pieces for frame in deframer.feed(piece)]
    assert interpreter.call("deframe", FRAME_MAX, pieces) == expected
