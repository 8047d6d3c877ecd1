"""Records and obituaries: only members make them, and only of themselves."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError, Untrusted
from gossipfl.membership.records import (
    LIFETIME_MAX_S,
    OBITUARY_MAX,
    RECORD_MAX,
    Obituary,
    Presence,
    is_by,
    open_record,
    read_obituary,
    sign_obituary,
    sign_record,
)
from gossipfl.security.fields import pack
from gossipfl.security.revocations import RevocationList
from tests.membership.member import Town

HERE = Presence(3, bytes(8), 60, ("10.0.0.1:7411", "[fd00::1]:7411"))


def test_a_record_says_who_where_and_since_when() -> None:
    town = Town()
    one = town.admit("kitchen-pi")
    record = town.read(sign_record(one.key.secret, one.certificate, HERE))
    assert (record.certificate.name, record.presence, record.id) == ("kitchen-pi", HERE, one.id)
    assert len(record.signed) < 300


def test_the_longest_record_fits() -> None:
    town = Town()
    one = town.admit("n" * 63)
    longest = Presence(2**32 - 1, bytes(8), LIFETIME_MAX_S, ("a" * 100,) * 4)
    assert len(sign_record(one.key.secret, one.certificate, longest)) <= RECORD_MAX


def test_strangers_records_are_refused() -> None:
    town, elsewhere = Town(), Town(seed=1)
    stranger = elsewhere.admit("kitchen-pi")
    with pytest.raises(Untrusted):
        town.read(sign_record(stranger.key.secret, stranger.certificate, HERE))


def test_nobody_speaks_for_another() -> None:
    town = Town()
    one, other = town.admit("one"), town.admit("other")
    with pytest.raises(Untrusted, match="did not sign"):
        town.read(sign_record(other.key.secret, one.certificate, HERE))


def test_the_revoked_are_refused() -> None:
    town = Town()
    one = town.admit("one")
    serial = town.read(one.herald.record).certificate.serial
    town.revoked = RevocationList(2, frozenset({serial}))
    with pytest.raises(Untrusted, match="revoked"):
        town.read(one.herald.record)


@given(st.data())
def test_a_flipped_bit_is_refused(data: st.DataObject) -> None:
    town = Town()
    blob = bytearray(town.admit("one").herald.record)
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Untrusted):
        town.read(bytes(blob))


@given(st.binary(max_size=200))
def test_junk_is_refused(blob: bytes) -> None:
    with pytest.raises((Untrusted, ConfigError)):
        Town().read(blob)
    with pytest.raises((Untrusted, ConfigError)):
        open_record(pack(blob, b"x", bytes(64)), Town().judge)
    with pytest.raises(Untrusted):
        read_obituary(blob)


@pytest.mark.parametrize(
    "change",
    [
        {"incarnation": -1},
        {"incarnation": 2**32},
        {"instance": bytes(7)},
        {"lifetime_s": 0},
        {"lifetime_s": LIFETIME_MAX_S + 1},
        {"addresses": ("a:1",) * 5},
        {"addresses": ["a:1"]},
        {"addresses": ("a b:1",)},
        {"addresses": ("a" * 101,)},
    ],
)
def test_limits_of_a_presence(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        attrs.evolve(HERE, **change)


def test_obituaries_are_signed_by_the_accuser() -> None:
    town = Town()
    one, other = town.admit("one"), town.admit("other")
    said = Obituary(other.id, 2**32 - 1, one.id)
    blob = sign_obituary(one.key.secret, said)
    assert read_obituary(blob) == said
    assert len(blob) <= OBITUARY_MAX
    assert is_by(blob, one.key.public)
    assert not is_by(blob, other.key.public)
