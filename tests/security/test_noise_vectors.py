"""Byte for byte against frozen handshakes: our own, and published ones where they are at hand.

The published file is JSON in the cacophony format.  It is looked for under
GOSSIPFL_NOISE_VECTORS, then in a folder `shared` beside the checkout.
"""

import json
import os
from pathlib import Path

import pytest
from noise.connection import Keypair, NoiseConnection

from gossipfl.security.noise import LINK_PROTOCOL, Handshake
from gossipfl.security.noise_session import COUNTER_BYTES

OWN = Path(__file__).parent / "vectors" / "link.json"
BESIDE = Path(__file__).parents[3] / "shared" / "vectors" / "noise_cacophony.json"
PUBLISHED = Path(os.environ.get("GOSSIPFL_NOISE_VECTORS", BESIDE))

needs_published = pytest.mark.skipif(
    not PUBLISHED.exists(), reason="set GOSSIPFL_NOISE_VECTORS to a file of cacophony vectors"
)


def load(path):
    return json.loads(path.read_text())["vectors"] if path.exists() else []


def key(vector, name):
    """A field of the vector as bytes, or None."""
    return bytes.fromhex(vector[name]) if name in vector else None


def first_psk(vector):
    return bytes.fromhex(vector["init_psks"][0]) if "init_psks" in vector else None


def handshake(vector, side):
    return Handshake(
        vector["protocol_name"],
        initiator=side == "init",
        static=key(vector, f"{side}_static"),
        ephemeral=key(vector, f"{side}_ephemeral"),
        prologue=key(vector, f"{side}_prologue"),
        remote_static=key(vector, f"{side}_remote_static"),
        psk=first_psk(vector),
    )


def other_implementation(vector, side):
    other = NoiseConnection.from_name(vector["protocol_name"].encode())
    other.set_prologue(key(vector, f"{side}_prologue"))
    other.set_psks(first_psk(vector))
    other.set_keypair_from_private_bytes(Keypair.STATIC, key(vector, f"{side}_static"))
    other.set_keypair_from_private_bytes(Keypair.EPHEMERAL, key(vector, f"{side}_ephemeral"))
    (other.set_as_initiator if side == "init" else other.set_as_responder)()
    with pytest.warns(UserWarning, match="OK for testing"):
        other.start_handshake()
    return other


def replay(vector):
    writer, reader = handshake(vector, "init"), handshake(vector, "resp")
    for message in vector["messages"]:
        payload, expected = bytes.fromhex(message["payload"]), message["ciphertext"]
        if isinstance(writer, Handshake) and writer.finished:
            writer, reader = writer.into_session(), reader.into_session()
            assert writer.handshake_hash.hex() == vector["handshake_hash"]
        if isinstance(writer, Handshake):
            written = writer.write(payload)
            assert (written.hex(), reader.read(written)) == (expected, payload)
        else:
            frame = writer.seal(payload)
            assert (frame[COUNTER_BYTES:].hex(), reader.open(frame)) == (expected, payload)
        writer, reader = reader, writer


@needs_published
@pytest.mark.parametrize("vector", load(PUBLISHED), ids=lambda each: each["protocol_name"])
def test_published_vectors(vector):
    replay(vector)


def test_the_link_protocol_is_frozen():
    (vector,) = load(OWN)
    assert vector["protocol_name"] == LINK_PROTOCOL
    replay(vector)


def test_the_frozen_link_is_what_another_implementation_says():
    (vector,) = load(OWN)
    writer, reader = other_implementation(vector, "init"), other_implementation(vector, "resp")
    for message in vector["messages"]:
        payload = bytes.fromhex(message["payload"])
        finished = writer.handshake_finished
        written = writer.encrypt(payload) if finished else writer.write_message(payload)
        assert bytes(written).hex() == message["ciphertext"]
        read = reader.decrypt(written) if finished else reader.read_message(bytes(written))
        assert bytes(read) == payload
        writer, reader = reader, writer
    assert writer.get_handshake_hash().hex() == vector["handshake_hash"]
