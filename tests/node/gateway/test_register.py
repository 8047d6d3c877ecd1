"""Places for devices: codes, join files, and moves from gateway to gateway."""

from pathlib import Path

import pytest

from gossipfl.data.schema import Schema
from gossipfl.devices.keyring import keyring_of
from gossipfl.devices.keys import read_code
from gossipfl.errors import ConfigError, StateError, Untrusted
from gossipfl.manifest import Manifest
from gossipfl.node.gateway.handover import hand_over, take_over
from gossipfl.node.gateway.register import Register
from gossipfl.node.gateway.service import KEPT, kept_keyring
from gossipfl.node.operator import Operator
from gossipfl.node.state.home import write_private
from gossipfl.node.state.store import Kept, open_store

MANIFEST = Manifest(
    cluster="home", schema=Schema(columns=2, target="y", classes=("0", "1")), standardise="none"
)


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator.create(tmp_path / "cluster", MANIFEST)


def admitted(register: Register, operator: Operator, name: str) -> None:
    place, _ = register.enrol(name)
    join_file = register.home.path / f"{name}.join"
    write_private(join_file, operator.admit(name, place.home.device_key().public, ("peer",)))
    assert register.admit(join_file) == name


def test_from_a_code_to_a_place_in_the_cluster(tmp_path: Path, operator: Operator) -> None:
    register = Register(tmp_path / "gateway")
    place, code = register.enrol("lamp")
    assert place.enrolment() == keyring_of(read_code(code))
    assert not place.is_ready
    register.enrol("pump")
    key = place.home.device_key()
    admitted(register, operator, "lamp")
    assert place.is_ready
    assert register.names() == ["lamp", "pump"]
    place, other = register.enrol("lamp")
    assert other != code
    assert place.home.device_key() == key
    assert place.is_ready


@pytest.mark.parametrize("name", ["", ".", "..", ".lamp", "a/b", "../lamp", "a" * 64, "a b"])
def test_what_is_no_name(tmp_path: Path, name: str) -> None:
    register = Register(tmp_path / "gateway")
    with pytest.raises(ConfigError, match="no device's name"):
        register.enrol(name)
    assert register.names() == []


def test_a_join_file_for_somebody_else(tmp_path: Path, operator: Operator) -> None:
    register, other = Register(tmp_path / "gateway"), Register(tmp_path / "other")
    register.enrol("lamp")
    admitted(other, operator, "pump")
    with pytest.raises(Untrusted, match="none of the devices here"):
        register.admit(other.home.path / "pump.join")
    with pytest.raises(ConfigError, match="no device named pump"):
        register.place("pump")


def moved(tmp_path: Path, operator: Operator) -> tuple[Register, Register, Path]:
    """A device whose counter is 7, packed for another gateway."""
    here, there = Register(tmp_path / "here"), Register(tmp_path / "there")
    admitted(here, operator, "lamp")
    place = here.place("lamp")
    keyring = place.enrolment()
    store, _, _ = open_store(place.home.database, MANIFEST.id)
    used = type(keyring)(keyring.identity, None, 7)
    store.write([Kept(KEPT, used.encode())])
    # Not closed: as a crash leaves it.
    luggage = tmp_path / "lamp.device"
    hand_over(place, there.key().public, luggage)
    store.close()
    return here, there, luggage


def test_a_device_moves_with_its_key_and_its_counter(tmp_path: Path, operator: Operator) -> None:
    here, there, luggage = moved(tmp_path, operator)
    assert here.names() == []
    place = take_over(there, luggage)
    assert there.names() == ["lamp"]
    assert place.is_ready
    _, saved, _ = open_store(place.home.database, MANIFEST.id)
    assert kept_keyring(saved, place.enrolment()).counter == 7


def test_luggage_is_taken_in_once(tmp_path: Path, operator: Operator) -> None:
    _, there, luggage = moved(tmp_path, operator)
    place = take_over(there, luggage)
    with pytest.raises(ConfigError, match="already"):
        take_over(there, luggage)
    back = Register(tmp_path / "back")
    hand_over(place, back.key().public, tmp_path / "again.device")
    with pytest.raises(ConfigError, match="already"):
        take_over(there, luggage)
    assert take_over(back, tmp_path / "again.device").name == "lamp"


def test_luggage_for_another_gateway_or_damaged(tmp_path: Path, operator: Operator) -> None:
    here, there, luggage = moved(tmp_path, operator)
    with pytest.raises(Untrusted, match="another gateway"):
        take_over(here, luggage)
    content = luggage.read_bytes()
    for damaged in (
        content[:-1],
        content[:40],
        content[:8],
        b"",
        content[:50] + bytes([content[50] ^ 1]) + content[51:],
    ):
        luggage.write_bytes(damaged)
        with pytest.raises((Untrusted, ConfigError)):
            take_over(there, luggage)
    assert there.names() == []


def test_a_device_that_is_still_served_does_not_leave(
    tmp_path: Path, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gossipfl.node.gateway.handover.PATIENCE_S", 0.0)
    here, there = Register(tmp_path / "here"), Register(tmp_path / "there")
    admitted(here, operator, "lamp")
    serving = here.place("lamp")
    serving.home.lock()
    with pytest.raises(StateError, match="another gossipfl runs"):
        hand_over(here.place("lamp"), there.key().public, tmp_path / "lamp.device")
    assert not serving.is_ready  # a gateway that runs lets go of it now
    serving.home.unlock()
    hand_over(here.place("lamp"), there.key().public, tmp_path / "lamp.device")
    assert take_over(there, tmp_path / "lamp.device").is_ready
