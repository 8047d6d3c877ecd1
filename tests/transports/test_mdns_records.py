"""Records of others: read as we write them, refused otherwise, whatever the bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.transports.discovery import Announcement, Sighting
from gossipfl.transports.mdns_records import (
    instance_of,
    properties_of,
    service_name,
    sighting_of,
)

INSTANCE = "0123456789abcdef"
NAME = service_name(INSTANCE)
TXT = b"\x03v=1\x06c=ab12"
HOSTS = ["10.0.0.2", "fd00::2"]


def test_what_we_write_is_what_we_read() -> None:
    announcement = Announcement(port=7400, cluster_tag="ab12")
    entries = [f"{key}={value}".encode() for key, value in properties_of(announcement).items()]
    txt = b"".join(bytes([len(entry)]) + entry for entry in entries)
    assert txt == TXT
    expected = Sighting(INSTANCE, ("10.0.0.2:7400", "[fd00::2]:7400"), "ab12", 1, True)
    assert sighting_of(NAME, HOSTS, announcement.port, txt) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        INSTANCE,
        f"{INSTANCE}._http._tcp.local.",
        f"alice-phone.{NAME}",
        f"{INSTANCE.upper()}._gossipfl._tcp.local.",
        f"{NAME}\n",
        f"{INSTANCE}0._gossipfl._tcp.local.",
    ],
)
def test_other_names_are_nobody(name: str) -> None:
    assert instance_of(name) is None
    assert sighting_of(name, HOSTS, 7400, TXT) is None


@pytest.mark.parametrize("port", [None, -1, 0, 65536])
def test_ports_out_of_range(port: int | None) -> None:
    assert sighting_of(NAME, HOSTS, port, TXT) is None


@pytest.mark.parametrize(
    "txt",
    [
        b"",
        b"\x03v=1",
        b"\x06c=ab12",
        b"\x03v=x\x06c=ab12",
        b"\x06v=1000\x06c=ab12",
        b"\x03v=1\x06c=AB12",
        b"\x03v=1\x02c=",
        b"\x03v=1\x23c=" + b"a" * 33,
        b"\x03v=1\x07c=ab12",
        TXT + b"\x01x" * 40,
    ],
)
def test_other_txt_records(txt: bytes) -> None:
    assert sighting_of(NAME, HOSTS, 7400, txt) is None


def test_unknown_keys_are_passed_over() -> None:
    sighting = sighting_of(NAME, HOSTS, 7400, b"\x05x=new" + TXT + b"\x03v=2")
    assert sighting is not None
    assert sighting.version == 1, "the first one counts"


@pytest.mark.parametrize(
    ("hosts", "count"),
    [
        ([], None),
        (["224.0.0.1", "0.0.0.0", "255.255.255.255", "::", "ff02::1", "name.example", ""], None),
        (["224.0.0.1", "10.0.0.2"], 1),
        ([f"10.0.0.{i}" for i in range(8)], 8),
        ([f"10.0.0.{i}" for i in range(9)], None),
    ],
)
def test_addresses_are_bounded_and_sound(hosts: list[str], count: int | None) -> None:
    sighting = sighting_of(NAME, hosts, 7400, TXT)
    assert (len(sighting.addresses) if sighting else None) == count


@given(
    st.text(max_size=80) | st.just(NAME),
    st.lists(st.text(max_size=40) | st.ip_addresses().map(str), max_size=12),
    st.none() | st.integers(-(2**17), 2**17),
    st.binary(max_size=100) | st.just(TXT),
)
def test_any_record_is_read_or_refused(
    name: str, hosts: list[str], port: int | None, txt: bytes
) -> None:
    sighting = sighting_of(name, hosts, port, txt)
    assert sighting is None or 1 <= len(sighting.addresses) <= 8


@pytest.mark.parametrize(
    "wrong", [{"port": 0}, {"port": 65536}, {"cluster_tag": "my home"}, {"version": 1000}]
)
def test_announcements_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Announcement(**{"port": 7400, "cluster_tag": "ab12", **wrong})
