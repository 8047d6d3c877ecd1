"""Sealing frames gives what PyNaCl's own functions give, and reads beyond nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import (
    crypto_aead_chacha20poly1305_ietf_decrypt,
    crypto_aead_chacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from gossipfl.errors import LocalProtocolError
from gossipfl.security.noise_symmetric import KEY_BYTES, NONCE_MAX, TAG_BYTES, aead_open, aead_seal

KEY = bytes(range(KEY_BYTES))
keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
nonces = st.integers(0, NONCE_MAX)


@given(keys, nonces, st.binary(max_size=80), st.binary(max_size=300))
def test_as_the_library_does_it(key: bytes, nonce: int, data: bytes, plaintext: bytes) -> None:
    packed = bytes(4) + nonce.to_bytes(8, "little")
    sealed = aead_seal(key, nonce, data, plaintext)
    assert sealed == crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, data, packed, key)
    assert crypto_aead_chacha20poly1305_ietf_decrypt(sealed, data, packed, key) == plaintext
    assert aead_open(key, nonce, data, sealed) == plaintext


@given(st.binary(max_size=80), st.data())
def test_nothing_that_was_changed_opens(plaintext: bytes, drawn: st.DataObject) -> None:
    sealed = bytearray(aead_seal(KEY, 7, b"about", plaintext))
    place = drawn.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= drawn.draw(st.integers(1, 255))
    for nonce, data, blob in (
        (7, b"about", bytes(sealed)),
        (8, b"about", aead_seal(KEY, 7, b"about", plaintext)),
        (7, b"other", aead_seal(KEY, 7, b"about", plaintext)),
    ):
        with pytest.raises(CryptoError):
            aead_open(KEY, nonce, data, blob)


@pytest.mark.parametrize("size", [0, 1, TAG_BYTES - 1])
def test_less_than_a_tag_does_not_open(size: int) -> None:
    with pytest.raises(CryptoError):
        aead_open(KEY, 0, b"", bytes(size))


@pytest.mark.parametrize("size", [0, KEY_BYTES - 1, KEY_BYTES + 1])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    for function in (aead_seal, aead_open):
        with pytest.raises(LocalProtocolError, match="32 bytes"):
            function(bytes(size), 0, b"", bytes(TAG_BYTES))
