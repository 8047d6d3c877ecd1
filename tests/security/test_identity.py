"""Device keys: what is shown, what is hidden, and which typos are caught."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError
from gossipfl.security.identity import DeviceKey, decode_public, encode_public, peer_id

PUBLIC = bytes(range(32))
TEXT = "gfl1-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh_m2g"
keys = st.binary(min_size=32, max_size=32)


def test_public_key_matches_rfc7748_section_6_1():
    """Bob's key pair."""
    secret = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    public = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    assert DeviceKey.from_secret(secret).public.hex() == public


def test_keys_are_made_fresh_and_restored():
    key = DeviceKey.generate()
    assert key != DeviceKey.generate()
    assert DeviceKey.from_secret(key.secret) == key


def test_the_repr_hides_the_secret():
    key = DeviceKey.from_secret(b"very secret key of thirty-two by")
    assert "very secret" not in repr(key)
    assert key.secret.hex() not in repr(key)
    assert "public=" in repr(key)


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33), "a" * 32, bytearray(32)])
def test_a_secret_is_32_bytes(secret):
    with pytest.raises(ConfigError, match="device secret must be 32 bytes"):
        DeviceKey.from_secret(secret)


def test_the_text_form_is_frozen():
    assert encode_public(PUBLIC) == TEXT
    assert decode_public(TEXT) == PUBLIC


@given(keys)
def test_text_round_trip(key):
    text = encode_public(key)
    assert len(text) == 51
    assert decode_public(text) == key


def test_every_single_typo_in_a_key_is_caught():
    """A 16-bit checksum misses one typo in 65,536; of this key's 3,213 it misses none."""
    for at in range(len(TEXT)):
        for letter in string.ascii_letters + string.digits + "-_":
            if letter != TEXT[at]:
                with pytest.raises(ConfigError):
                    decode_public(TEXT[:at] + letter + TEXT[at + 1 :])


@given(st.text(max_size=60) | st.text(min_size=46, max_size=46).map("gfl1-".__add__))
def test_junk_is_no_key(text):
    with pytest.raises(ConfigError):
        decode_public(text)


@pytest.mark.parametrize("text", [TEXT[:-1], TEXT + "A", TEXT.upper(), " " + TEXT, TEXT[5:]])
def test_incomplete_copies_are_refused(text):
    with pytest.raises(ConfigError, match="copy"):
        decode_public(text)


def test_only_whole_keys_are_encoded():
    with pytest.raises(ConfigError, match="32 bytes"):
        encode_public(bytes(31))


def test_peer_ids_are_short_and_frozen():
    assert peer_id(PUBLIC) == "cb2f5160fc1f7e05"
    assert peer_id(bytes(32)) != peer_id(PUBLIC)
