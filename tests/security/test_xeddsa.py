"""Signatures by X25519 keys: any Ed25519 verifier takes them, and nothing else passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_sign_ed25519_pk_to_curve25519, crypto_sign_open
from nacl.signing import SigningKey

from gossipfl.errors import ConfigError
from gossipfl.security.identity import DeviceKey
from gossipfl.security.xeddsa import _edwards, is_signed, sign

secrets = st.binary(min_size=32, max_size=32)


@given(secrets, st.binary(max_size=100))
def test_the_owner_of_the_key_signs(secret: bytes, message: bytes) -> None:
    key = DeviceKey.from_secret(secret)
    signature = sign(secret, message)
    assert is_signed(key.public, message, signature)
    assert crypto_sign_open(signature + message, _edwards(key.public)) == message
    assert sign(secret, message) != signature  # the nonce is random


@given(secrets, st.integers(0, 63), st.integers(0, 7))
def test_a_flipped_bit_is_noticed(secret: bytes, place: int, bit: int) -> None:
    public = DeviceKey.from_secret(secret).public
    signature = bytearray(sign(secret, b"message"))
    signature[place] ^= 1 << bit
    assert not is_signed(public, b"message", bytes(signature))


def test_other_messages_other_keys_and_other_lengths_do_not_pass() -> None:
    one, other = DeviceKey.generate(), DeviceKey.generate()
    signature = sign(one.secret, b"message")
    assert not is_signed(one.public, b"massage", signature)
    assert not is_signed(other.public, b"message", signature)
    assert not is_signed(one.public, b"message", signature[:-1])
    assert not is_signed(bytes(32), b"message", signature)
    with pytest.raises(ConfigError):
        sign(bytes(31), b"")
    with pytest.raises(ConfigError):
        is_signed(bytes(31), b"", signature)


@given(secrets)
def test_points_are_those_that_libsodium_maps_the_other_way(seed: bytes) -> None:
    edwards = bytes(SigningKey(seed).verify_key)
    montgomery = crypto_sign_ed25519_pk_to_curve25519(edwards)
    assert _edwards(montgomery) == edwards[:31] + bytes([edwards[31] & 127])
