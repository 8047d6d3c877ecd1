"""MQTT packets: bytes of the standard's examples, and whatever a broker may send instead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.devices import mqtt
from gossipfl.devices.mqtt import Connected, PacketReader, Pong, Published, Subscribed
from gossipfl.errors import ConfigError, RemoteProtocolError

BYTES_MAX = 200


def read(content: bytes) -> list[mqtt.Packet]:
    return list(PacketReader(BYTES_MAX).feed(content))


def test_what_a_gateway_sends() -> None:
    assert mqtt.connect("me", 60, None, None).hex() == "100e00044d5154540402003c00026d65"
    assert mqtt.connect("me", 60, "u", "pw").hex() == (
        "101500044d51545404c2003c00026d65" + "000175" + "00027077"
    )
    assert mqtt.subscribe("a/+").hex() == "820800010003612f2b00"
    assert mqtt.publish("a/b", b"xy").hex() == "30070003612f627879"
    assert mqtt.publish("a", bytes(321))[:3].hex() == "30c402"  # 324 bytes, 64 + 2 * 128 + 4


@pytest.mark.parametrize(
    ("content", "packet"),
    [
        ("20020000", Connected(None)),
        ("20020005", Connected("does not let this client in")),
        ("200200ff", Connected("refuses us")),
        ("9003000100", Subscribed(True)),
        ("9003000180", Subscribed(False)),
        ("d000", Pong()),
        ("30070003612f627879", Published("a/b", b"xy", False)),
        ("31030001c3", None),
        ("31030001" + "61", Published("a", b"", True)),
    ],
)
def test_what_a_broker_sends(content: str, packet: mqtt.Packet | None) -> None:
    if packet is None:
        with pytest.raises(RemoteProtocolError, match="UTF-8"):
            read(bytes.fromhex(content))
    else:
        assert read(bytes.fromhex(content)) == [packet]


@pytest.mark.parametrize(
    "content",
    [
        "32070003612f627879",
        "30010000",
        "3002ffff",
        "3000",
        "2003000000",
        "00",
        "d00100",
        "30ffffffffff",
    ],
)
def test_what_no_broker_may_send(content: str) -> None:
    with pytest.raises(RemoteProtocolError):
        read(bytes.fromhex(content) + bytes(BYTES_MAX))


@given(
    st.lists(st.binary(max_size=300), max_size=6),
    st.integers(1, 50),
)
def test_packets_in_pieces_and_long_ones_passed_over(payloads: list[bytes], piece: int) -> None:
    content = b"".join(mqtt.publish("a/b", payload) for payload in payloads)
    reader = PacketReader(BYTES_MAX)
    found = [
        packet
        for i in range(0, len(content), piece)
        for packet in reader.feed(content[i : i + piece])
    ]
    short = [payload for payload in payloads if len(payload) + 5 <= BYTES_MAX]
    assert found == [Published("a/b", payload, False) for payload in short]


@given(st.lists(st.binary(max_size=60)))
def test_noise_is_packets_or_an_error(parts: list[bytes]) -> None:
    reader = PacketReader(BYTES_MAX)
    try:
        for part in parts:
            for packet in reader.feed(part):
                assert not isinstance(packet, Published) or len(packet.payload) <= BYTES_MAX
    except RemoteProtocolError:
        return


def test_texts_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match="longer than MQTT allows"):
        mqtt.publish("a" * 65_536, b"")
