"""Handshakes: what both sides end up with, and everything that must be refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult_base

from gossipfl.errors import LocalProtocolError, PeerError, RemoteProtocolError, Untrusted
from gossipfl.security.noise import LINK_PROTOCOL, Handshake
from gossipfl.security.noise_symmetric import MESSAGE_MAX

PATTERNS = ["XX", "XXpsk0", "XXpsk1", "XXpsk2", "XXpsk3", "IK", "IKpsk0", "IKpsk1", "IKpsk2"]
PROTOCOLS = [
    f"Noise_{pattern}_25519_ChaChaPoly_{digest}"
    for pattern in PATTERNS
    for digest in ("BLAKE2b", "BLAKE2s")
]
# Points of low order on Curve25519 (https://cr.yp.to/ecdh.html#validate), little-endian.
LOW_ORDER = [
    bytes(32),
    bytes([1]) + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
]
LINK_MESSAGES = 3


def play(pair, until):
    """Exchange messages until number `until` is the next; returns its writer and reader."""
    writer, reader = pair
    for _ in range(until):
        reader.read(writer.write(b"payload"))
        writer, reader = reader, writer
    return writer, reader


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_both_sides_agree(protocol, make_sessions, secret):
    ours, theirs = make_sessions(protocol)
    assert ours.handshake_hash == theirs.handshake_hash
    assert ours.remote_static == crypto_scalarmult_base(secret("responder"))
    assert theirs.remote_static == crypto_scalarmult_base(secret("initiator"))
    assert theirs.open(ours.seal(b"there")) == b"there"
    assert ours.open(theirs.seal(b"and back")) == b"and back"


def test_payloads_arrive_and_keys_show_when_they_are_authenticated(make_pair, secret):
    initiator, responder = make_pair()
    assert responder.read(initiator.write(b"one")) == b"one"
    assert initiator.remote_static is None
    assert initiator.read(responder.write(b"two")) == b"two"
    assert initiator.remote_static == crypto_scalarmult_base(secret("responder"))
    assert responder.remote_static is None
    assert responder.read(initiator.write(b"three")) == b"three"
    assert responder.remote_static == crypto_scalarmult_base(secret("initiator"))
    assert initiator.finished
    assert responder.finished


def test_handshakes_never_repeat(make_pair, make_sessions):
    assert make_pair()[0].write() != make_pair()[0].write()
    assert make_sessions()[0].handshake_hash != make_sessions()[0].handshake_hash


@pytest.mark.parametrize("number", range(LINK_MESSAGES))
def test_a_flipped_bit_anywhere_is_refused_at_once(number, make_pair):
    length = len(play(make_pair(), number)[0].write(b"payload"))
    for at in range(length):
        writer, reader = play(make_pair(), number)
        message = bytearray(writer.write(b"payload"))
        message[at] ^= 1 << at % 8
        with pytest.raises((Untrusted, RemoteProtocolError)):
            reader.read(bytes(message))
        assert not reader.finished
        assert reader.remote_static is None


@pytest.mark.parametrize("number", range(LINK_MESSAGES))
def test_a_truncated_message_is_refused(number, make_pair):
    length = len(play(make_pair(), number)[0].write(b"payload"))
    for size in range(length):
        writer, reader = play(make_pair(), number)
        with pytest.raises((Untrusted, RemoteProtocolError)):
            reader.read(writer.write(b"payload")[:size])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_half_a_key_is_refused(protocol, make_pair):
    """Also where nothing is authenticated yet, and libsodium would read past the end."""
    for size in range(32):
        initiator, responder = make_pair(protocol)
        with pytest.raises(RemoteProtocolError, match="truncated"):
            responder.read(initiator.write()[:size])


@pytest.mark.parametrize("number", range(LINK_MESSAGES))
def test_an_extended_message_is_refused(number, make_pair):
    writer, reader = play(make_pair(), number)
    with pytest.raises(Untrusted):
        reader.read(writer.write(b"payload") + b"\0")


def test_an_oversized_message_is_refused(make_pair):
    with pytest.raises(RemoteProtocolError, match="65535"):
        make_pair()[1].read(bytes(MESSAGE_MAX + 1))


@pytest.mark.parametrize("number", range(LINK_MESSAGES))
def test_the_largest_payload_fits_and_one_byte_more_does_not(number, make_pair):
    overhead = len(play(make_pair(), number)[0].write())
    writer, reader = play(make_pair(), number)
    payload = bytes(MESSAGE_MAX - overhead)
    assert reader.read(writer.write(payload)) == payload
    writer, _ = play(make_pair(), number)
    with pytest.raises(LocalProtocolError, match="65535"):
        writer.write(payload + b"\0")


@given(junk=st.binary(max_size=200), number=st.integers(0, LINK_MESSAGES - 1))
def test_junk_is_refused(junk, number, make_pair):
    _, reader = play(make_pair(), number)
    with pytest.raises((Untrusted, RemoteProtocolError)):
        reader.read(junk)


def test_a_stranger_without_the_cluster_key_gets_no_answer(make_pair, secret):
    stranger = Handshake(
        LINK_PROTOCOL,
        initiator=True,
        static=secret("stranger"),
        prologue=b"gossipfl",
        psk=secret("guess"),
    )
    responder = make_pair()[1]
    with pytest.raises(Untrusted, match="another cluster key"):
        responder.read(stranger.write())
    with pytest.raises(LocalProtocolError):
        responder.write()


def test_another_prologue_is_refused(make_pair):
    initiator, _ = make_pair(prologue=b"gossipfl 1")
    _, responder = make_pair(prologue=b"gossipfl 2")
    with pytest.raises(Untrusted):
        responder.read(initiator.write())


@pytest.mark.parametrize("point", LOW_ORDER, ids=range(len(LOW_ORDER)))
def test_a_low_order_ephemeral_is_refused(point, make_pair):
    _, responder = make_pair("Noise_XX_25519_ChaChaPoly_BLAKE2b")
    responder.read(point)
    with pytest.raises(RemoteProtocolError, match="low order"):
        responder.write()


@pytest.mark.parametrize("point", LOW_ORDER, ids=range(len(LOW_ORDER)))
def test_a_low_order_static_key_is_refused(point, make_pair, monkeypatch):
    initiator, responder = make_pair()
    public = responder._public
    monkeypatch.setattr(
        responder, "_public", lambda letter: point if letter == "s" else public("e")
    )
    responder.read(initiator.write())
    with pytest.raises(RemoteProtocolError, match="low order"):
        initiator.read(responder.write())


def test_out_of_turn_is_our_own_mistake_and_harms_nothing(make_pair):
    initiator, responder = make_pair()
    with pytest.raises(LocalProtocolError, match="out of turn"):
        initiator.read(b"")
    with pytest.raises(LocalProtocolError, match="out of turn"):
        responder.write()
    first = initiator.write()
    with pytest.raises(LocalProtocolError, match="out of turn"):
        initiator.write()
    responder.read(first)
    initiator.read(responder.write())
    responder.read(initiator.write())
    for side in (initiator, responder):
        with pytest.raises(LocalProtocolError, match="out of turn"):
            side.write()
        with pytest.raises(LocalProtocolError, match="out of turn"):
            side.read(b"")
    assert initiator.into_session().handshake_hash == responder.into_session().handshake_hash


def test_a_refusal_is_final(make_pair):
    initiator, responder = make_pair()
    message = initiator.write()
    with pytest.raises(PeerError):
        responder.read(message[:-1])
    with pytest.raises(LocalProtocolError, match="failed"):
        responder.read(message)


def test_a_session_is_made_once_and_only_when_finished(make_pair):
    initiator, responder = make_pair()
    with pytest.raises(LocalProtocolError, match="not finished"):
        initiator.into_session()
    play((initiator, responder), LINK_MESSAGES)
    initiator.into_session()
    assert not hasattr(initiator, "_secrets")  # forward secrecy
    for again in (initiator.into_session, initiator.write, lambda: initiator.read(b"")):
        with pytest.raises(LocalProtocolError, match="already"):
            again()
    assert initiator.remote_static is None


@pytest.mark.parametrize(
    ("protocol", "keys", "complaint"),
    [
        ("Noise_NN_25519_ChaChaPoly_BLAKE2b", {}, "not supported"),
        ("Noise_XX_448_ChaChaPoly_BLAKE2b", {}, "not supported"),
        ("Noise_XX_25519_AESGCM_SHA256", {}, "not supported"),
        ("Noise_XXpsk4_25519_ChaChaPoly_BLAKE2b", {}, "not supported"),
        ("Noise_XX_25519_ChaChaPoly_BLAKE2b\n", {}, "not supported"),
        ("Noise_IKpsk3_25519_ChaChaPoly_BLAKE2b", {}, "3 messages"),
        (LINK_PROTOCOL, {}, "psk is missing"),
        (LINK_PROTOCOL, {"psk": b""}, "psk must be 32 bytes, not 0"),
        (LINK_PROTOCOL, {"psk": bytes(32), "static": None}, "static is missing"),
        (LINK_PROTOCOL, {"psk": bytes(32), "static": bytes(31)}, "static must be 32"),
        (LINK_PROTOCOL, {"psk": bytes(32), "ephemeral": b""}, "ephemeral must be 32"),
        (LINK_PROTOCOL, {"psk": bytes(32), "remote_static": bytes(32)}, "is not used"),
        ("Noise_XX_25519_ChaChaPoly_BLAKE2b", {"psk": bytes(32)}, "psk is not used"),
        ("Noise_IK_25519_ChaChaPoly_BLAKE2b", {}, "remote_static is missing"),
    ],
)
def test_keys_must_suit_the_protocol(protocol, keys, complaint):
    with pytest.raises(LocalProtocolError, match=re.escape(complaint)):
        Handshake(protocol, initiator=True, **{"static": bytes(32), **keys})


def test_only_the_initiator_of_ik_is_given_a_remote_key():
    with pytest.raises(LocalProtocolError, match="not used"):
        Handshake(
            "Noise_IK_25519_ChaChaPoly_BLAKE2b",
            initiator=False,
            static=bytes(32),
            remote_static=bytes(32),
        )
