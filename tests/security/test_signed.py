"""Signed envelopes: one key, one kind, every bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from gossipfl.errors import ConfigError, LocalProtocolError, Untrusted
from gossipfl.security.signed import BODY_MAX, SIGNATURE_BYTES, SIGNED_MAX, open_signed, sign

KEY = SigningKey(bytes(32))
AUTHORITY = bytes(KEY.verify_key)


@given(st.binary(max_size=500))
def test_round_trip(body):
    blob = sign(KEY, "manifest", body)
    assert len(blob) == len(body) + SIGNATURE_BYTES
    assert open_signed(blob, kind="manifest", authority=AUTHORITY) == body


def test_the_envelope_is_frozen():
    """The signature covers a context, the kind, a NUL and the body (RFC 8032, Ed25519)."""
    expected = KEY.sign(b"gossipfl signed 1 manifest\0body").signature
    assert sign(KEY, "manifest", b"body") == expected + b"body"


def test_the_largest_body():
    blob = sign(KEY, "manifest", bytes(BODY_MAX))
    assert len(blob) == SIGNED_MAX
    assert open_signed(blob, kind="manifest", authority=AUTHORITY) == bytes(BODY_MAX)
    with pytest.raises(LocalProtocolError, match="at most"):
        sign(KEY, "manifest", bytes(BODY_MAX + 1))
    with pytest.raises(Untrusted, match="too long"):
        open_signed(blob + b"\0", kind="manifest", authority=AUTHORITY)


def test_another_kind_is_refused():
    with pytest.raises(Untrusted, match="certificate has a bad signature"):
        open_signed(sign(KEY, "manifest", b"body"), kind="certificate", authority=AUTHORITY)


def test_kind_and_body_cannot_be_shifted_into_each_other():
    blob = sign(KEY, "ab", b"\0cd")
    for kind, body in (("a", b"b\0\0cd"), ("ab", b"cd"), ("a", b"b\0cd")):
        with pytest.raises(Untrusted):
            open_signed(blob[:SIGNATURE_BYTES] + body, kind=kind, authority=AUTHORITY)


def test_another_authority_is_refused():
    other = bytes(SigningKey(bytes([1] * 32)).verify_key)
    with pytest.raises(Untrusted, match="not issued by this authority"):
        open_signed(sign(KEY, "manifest", b"body"), kind="manifest", authority=other)


def test_every_flipped_bit_and_every_truncation_is_refused():
    blob = sign(KEY, "manifest", b"body")
    for at in range(len(blob) * 8):
        forged = bytearray(blob)
        forged[at // 8] ^= 1 << at % 8
        with pytest.raises(Untrusted):
            open_signed(bytes(forged), kind="manifest", authority=AUTHORITY)
    for size in range(len(blob)):
        with pytest.raises(Untrusted):
            open_signed(blob[:size], kind="manifest", authority=AUTHORITY)


@given(blob=st.binary(max_size=200), authority=st.binary(min_size=32, max_size=32))
def test_junk_under_any_authority_is_refused(blob, authority):
    with pytest.raises(Untrusted):
        open_signed(blob, kind="manifest", authority=authority)


@pytest.mark.parametrize("authority", [bytes(32), bytes([1]) + bytes(31), b"\xff" * 32])
def test_degenerate_authorities_sign_nothing(authority):
    """A small-order key would accept an all-zero signature for anything."""
    for signature in (bytes(64), bytes([1]) + bytes(63)):
        with pytest.raises(Untrusted):
            open_signed(signature + b"body", kind="manifest", authority=authority)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_an_authority_key_is_32_bytes(size):
    with pytest.raises(ConfigError, match="authority key must be 32 bytes"):
        open_signed(bytes(64), kind="manifest", authority=bytes(size))


@pytest.mark.parametrize("kind", ["", "Manifest", "a\0b", "a" * 33, "1a", "manifest\n"])
def test_kinds_are_short_words(kind):
    with pytest.raises(LocalProtocolError, match="no kind"):
        sign(KEY, kind, b"")
