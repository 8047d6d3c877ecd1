"""Ciphers and digests against published vectors, PyNaCl and Python's own."""

import ctypes
import hashlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_decrypt,
    crypto_aead_chacha20poly1305_ietf_encrypt,
)

from tests.firmware.library import Firmware

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
KEYS, NONCES = st.binary(min_size=32, max_size=32), st.binary(min_size=12, max_size=12)

# RFC 8439, section 2.8.2.
SUNSCREEN = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
    b"future, sunscreen would be it."
)
RFC_KEY = bytes(range(0x80, 0xA0))
RFC_NONCE = bytes.fromhex("070000004041424344454647")
RFC_HEAD = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
RFC_SEALED = bytes.fromhex(
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
    "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
    "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
    "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"
)


def seal(firmware: Firmware, key: bytes, nonce: bytes, head: bytes, text: bytes) -> bytes:
    room = ctypes.create_string_buffer(text, len(text) + 16)
    sizes = ctypes.c_size_t(len(head)), ctypes.c_size_t(len(text))
    firmware.c.gfl_seal(key, nonce, head, sizes[0], room, sizes[1])
    return room.raw


def open_(firmware: Firmware, key: bytes, nonce: bytes, head: bytes, sealed: bytes) -> bytes | None:
    room = ctypes.create_string_buffer(sealed, len(sealed))
    sizes = ctypes.c_size_t(len(head)), ctypes.c_size_t(len(sealed) - 16)
    good = firmware.c.gfl_open(key, nonce, head, sizes[0], room, sizes[1])
    return room.raw[:-16] if good else None


def test_the_vector_of_rfc_8439(firmware: Firmware) -> None:
    assert seal(firmware, RFC_KEY, RFC_NONCE, RFC_HEAD, SUNSCREEN) == RFC_SEALED
    assert open_(firmware, RFC_KEY, RFC_NONCE, RFC_HEAD, RFC_SEALED) == SUNSCREEN


@shared
@given(KEYS, NONCES, st.binary(max_size=70), st.binary(max_size=300))
def test_sealing_is_libsodiums(
    firmware: Firmware, key: bytes, nonce: bytes, head: bytes, text: bytes
) -> None:
    sealed = seal(firmware, key, nonce, head, text)
    assert sealed == crypto_aead_chacha20poly1305_ietf_encrypt(text, head, nonce, key)
    assert crypto_aead_chacha20poly1305_ietf_decrypt(sealed, head, nonce, key) == text


@shared
@given(KEYS, st.binary(max_size=99), st.integers(0, 1 << 20), st.integers(0, 7))
def test_any_changed_bit_is_noticed(
    firmware: Firmware, key: bytes, text: bytes, place: int, bit: int
) -> None:
    nonce, head = bytes(12), b"head"
    sealed = bytearray(seal(firmware, key, nonce, head, text))
    sealed[place % len(sealed)] ^= 1 << bit
    assert open_(firmware, key, nonce, head, bytes(sealed)) is None


def test_poly1305_at_the_edges_of_its_modulus(firmware: Firmware) -> None:
    # Keys are what RFC 8439, appendix A.3 uses to provoke carries: reached through equal streams.
    for key in (bytes(32), b"\xff" * 32, b"\x02" + bytes(31), bytes(31) + b"\x80"):
        for text in (b"", b"\xff" * 16, b"\xff" * 48, b"\xfb" + b"\xfe" * 15 + b"\x01" * 16):
            expected = crypto_aead_chacha20poly1305_ietf_encrypt(text, b"", bytes(12), key)
            assert seal(firmware, key, bytes(12), b"", text) == expected


@shared
@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 64), st.binary(max_size=64))
def test_blake2b_is_pythons(
    firmware: Firmware, parts: list[bytes], length: int, key: bytes
) -> None:
    state, digest = ctypes.create_string_buffer(256), ctypes.create_string_buffer(length)
    firmware.c.gfl_blake2b_start(state, length, key, len(key))
    for part in parts:
        firmware.c.gfl_blake2b_add(state, part, ctypes.c_size_t(len(part)))
    firmware.c.gfl_blake2b_finish(state, digest)
    expected = hashlib.blake2b(b"".join(parts), digest_size=length, key=key).digest()
    assert digest.raw == expected
