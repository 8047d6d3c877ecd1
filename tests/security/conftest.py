"""Pairs of handshakes and sessions, joined in memory."""

import hashlib
from collections.abc import Callable

import pytest
from nacl.bindings import crypto_scalarmult_base

from gossipfl.security.noise import LINK_PROTOCOL, Handshake
from gossipfl.security.noise_session import Session

Pair = tuple[Handshake, Handshake]
MakePair = Callable[..., Pair]


def _secret(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=32).digest()


def _make_pair(protocol: str = LINK_PROTOCOL, prologue: bytes = b"gossipfl") -> Pair:
    psk = _secret("cluster key") if "psk" in protocol else None
    responder_public = crypto_scalarmult_base(_secret("responder"))
    initiator = Handshake(
        protocol,
        initiator=True,
        static=_secret("initiator"),
        remote_static=responder_public if "_IK" in protocol else None,
        prologue=prologue,
        psk=psk,
    )
    responder = Handshake(
        protocol, initiator=False, static=_secret("responder"), prologue=prologue, psk=psk
    )
    return initiator, responder


def _finish(pair: Pair) -> tuple[Session, Session]:
    writer, reader = pair
    while not writer.finished:
        reader.read(writer.write())
        writer, reader = reader, writer
    return pair[0].into_session(), pair[1].into_session()


@pytest.fixture(scope="session")
def secret() -> Callable[[str], bytes]:
    """32 bytes that follow from a name."""
    return _secret


@pytest.fixture(scope="session")
def make_pair() -> MakePair:
    """An initiator and a responder who know the same cluster key."""
    return _make_pair


@pytest.fixture(scope="session")
def make_sessions() -> Callable[..., tuple[Session, Session]]:
    """Both ends of a finished link."""
    return lambda *args, **options: _finish(_make_pair(*args, **options))
