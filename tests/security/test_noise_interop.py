"""Against another implementation of the specification, in both roles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult_base
from noise.connection import Keypair, NoiseConnection

from gossipfl.security.noise import LINK_PROTOCOL, Handshake
from gossipfl.security.noise_session import COUNTER_BYTES, Session
from gossipfl.security.noise_symmetric import MESSAGE_MAX

PATTERNS = ["XX", "XXpsk0", "XXpsk1", "XXpsk2", "XXpsk3", "IK", "IKpsk0", "IKpsk1", "IKpsk2"]
PROTOCOLS = [
    f"Noise_{pattern}_25519_ChaChaPoly_{digest}"
    for pattern in PATTERNS
    for digest in ("BLAKE2b", "BLAKE2s")
]
ROLES = pytest.mark.parametrize("initiator", [True, False], ids=["initiator", "responder"])
PROLOGUE, PSK, OURS, THEIRS = b"gossipfl", bytes([1] * 32), bytes([2] * 32), bytes([3] * 32)


def make_theirs(protocol, initiator):
    theirs = NoiseConnection.from_name(protocol.encode())
    theirs.set_prologue(PROLOGUE)
    theirs.set_keypair_from_private_bytes(Keypair.STATIC, THEIRS)
    if "psk" in protocol:
        theirs.set_psks(PSK)
    if "_IK" in protocol and initiator:
        known = crypto_scalarmult_base(OURS)
        theirs.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, known)
    (theirs.set_as_initiator if initiator else theirs.set_as_responder)()
    theirs.start_handshake()
    return theirs


def make_ours(protocol, initiator):
    known = crypto_scalarmult_base(THEIRS) if "_IK" in protocol and initiator else None
    return Handshake(
        protocol,
        initiator=initiator,
        static=OURS,
        prologue=PROLOGUE,
        remote_static=known,
        psk=PSK if "psk" in protocol else None,
    )


def connect(protocol, initiator, payload=b""):
    """Our session and their connection, after each message carried `payload`."""
    ours, theirs = make_ours(protocol, initiator), make_theirs(protocol, not initiator)
    we_write = initiator
    while not ours.finished:
        if we_write:
            assert bytes(theirs.read_message(ours.write(payload))) == payload
        else:
            assert ours.read(bytes(theirs.write_message(payload))) == payload
        we_write = not we_write
    return ours.into_session(), theirs


def open_theirs(session, theirs, plaintext, number):
    return session.open(number.to_bytes(COUNTER_BYTES, "big") + theirs.encrypt(plaintext))


@ROLES
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_handshake_and_transport(protocol, initiator):
    session, theirs = connect(protocol, initiator, b"certificate")
    assert session.handshake_hash == theirs.get_handshake_hash()
    assert session.remote_static == crypto_scalarmult_base(THEIRS)
    for number in range(3):
        assert bytes(theirs.decrypt(session.seal(b"to them")[COUNTER_BYTES:])) == b"to them"
        assert open_theirs(session, theirs, b"to us", number) == b"to us"


@ROLES
@pytest.mark.parametrize("size", [0, 1, 64, 1000, Session.PLAINTEXT_MAX])
def test_message_sizes(size, initiator):
    session, theirs = connect(LINK_PROTOCOL, initiator)
    plaintext = bytes(index & 0xFF for index in range(size))
    assert bytes(theirs.decrypt(session.seal(plaintext)[COUNTER_BYTES:])) == plaintext
    assert open_theirs(session, theirs, plaintext, 0) == plaintext


@ROLES
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_largest_handshake_payload(protocol, initiator):
    overhead_max = 32 + 48 + 16  # e, s, payload tag
    connect(protocol, initiator, bytes(MESSAGE_MAX - overhead_max))


@given(messages=st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), max_size=20))
def test_conversations(messages):
    session, theirs = connect(LINK_PROTOCOL, True)
    received = 0
    for to_them, plaintext in messages:
        if to_them:
            assert bytes(theirs.decrypt(session.seal(plaintext)[COUNTER_BYTES:])) == plaintext
        else:
            assert open_theirs(session, theirs, plaintext, received) == plaintext
            received += 1
