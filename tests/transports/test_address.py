import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError
from gossipfl.transports.address import format_address, parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.0.0.2:7400", "10.0.0.2", 7400),
        ("sensor-7.local:1", "sensor-7.local", 1),
        ("swarm_node_1:65535", "swarm_node_1", 65535),
        ("[::1]:7400", "::1", 7400),
        ("[fe80::1%eth0]:0", "fe80::1%eth0", 0),
        (":7400", "", 7400),
    ],
)
def test_addresses_are_read_and_written(text: str, host: str, port: int) -> None:
    assert parse_address(text) == (host, port)
    assert format_address(host, port) == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "HOST:PORT"),
        ("10.0.0.2", "HOST:PORT"),
        ("10.0.0.2:http", "HOST:PORT"),
        ("10.0.0.2:-1", "HOST:PORT"),
        ("10.0.0.2:٣", "HOST:PORT"),
        ("10.0.0.2:65536", "0 to 65535"),
        ("fd00::1:7400", "brackets"),
        ("[fd00::1:7400", "brackets"),
        ("[fd00::xyz]:7400", "brackets"),
        ("[::1%a b]:7400", "brackets"),
        ("a b:7400", "no host name"),
        ("-a:7400", "no host name"),
        ("a..b:7400", "no host name"),
        ("x" * 64 + ":1", "no host name"),
        ("a\n:7400", "no host name"),
        ("a." * 150 + ":7400", "longer than 300"),
    ],
)
def test_other_text_is_refused_with_the_remedy(text: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint) as caught:
        parse_address(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        host, port = parse_address(text)
    except ConfigError:
        return
    assert parse_address(format_address(host, port)) == (host, port)
