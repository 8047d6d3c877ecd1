"""Revocation lists: they only grow newer, and only the authority writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from gossipfl.errors import ConfigError, Untrusted
from gossipfl.security.fields import pack
from gossipfl.security.revocations import (
    KIND,
    SERIAL_MAX,
    SERIALS_MAX,
    VERSION_MAX,
    RevocationList,
    newest,
    open_revocations,
    sign_revocations,
)
from gossipfl.security.signed import SIGNED_MAX, sign

KEY = SigningKey(bytes(32))
AUTHORITY = bytes(KEY.verify_key)
lists = st.builds(
    RevocationList,
    st.integers(0, 3) | st.integers(0, VERSION_MAX),
    st.frozensets(st.integers(1, 5) | st.integers(1, SERIAL_MAX), max_size=20),
)


@given(lists)
def test_round_trip(revocations):
    assert open_revocations(sign_revocations(KEY, revocations), authority=AUTHORITY) == revocations


def test_a_full_list_fits_and_one_more_does_not():
    full = RevocationList(1, frozenset(range(SERIAL_MAX - SERIALS_MAX + 1, SERIAL_MAX + 1)))
    blob = sign_revocations(KEY, full)
    assert len(blob) <= 5 * SERIALS_MAX + 80 <= SIGNED_MAX
    assert open_revocations(blob, authority=AUTHORITY) == full
    with pytest.raises(ConfigError, match="at most 10000"):
        full.adding(1)


def test_adding_makes_the_next_version_and_keeps_the_rest():
    first = RevocationList().adding(7, 9)
    assert first == RevocationList(1, frozenset({7, 9}))
    assert first.adding(7, 8) == RevocationList(2, frozenset({7, 8, 9}))
    assert first.adding() == RevocationList(2, frozenset({7, 9}))


def test_the_newer_list_wins():
    old, new = RevocationList(3, frozenset({1, 2, 3})), RevocationList(4, frozenset({9}))
    assert newest(old, new) == newest(new, old) == new


def test_of_two_lists_of_one_version_the_longer_wins():
    fewer, more = RevocationList(3, frozenset({9})), RevocationList(3, frozenset({1, 2}))
    assert newest(fewer, more) == newest(more, fewer) == more


@given(lists, lists, lists)
def test_newest_is_a_join_so_gossip_settles_in_any_order(a, b, c):
    assert newest(a, b) == newest(b, a)
    assert newest(a, newest(b, c)) == newest(newest(a, b), c)
    assert newest(a, a) == a
    assert newest(a, b).version == max(a.version, b.version)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ((-1, ()), "version"),
        ((VERSION_MAX + 1, ()), "version"),
        ((True, ()), "version"),
        ((1.0, ()), "version"),
        ((1, 7), "array"),
        ((1, b"7"), "array"),
        ((1, (0,)), "revoked serial"),
        ((1, (SERIAL_MAX + 1,)), "revoked serial"),
        ((1, (True,)), "revoked serial"),
        ((1, ("7",)), "revoked serial"),
        ((1, ((7,),)), "revoked serial"),
        ((1, ({},)), "revoked serial"),
        ((1, (8, 7)), "ascend"),
        ((1, (7, 7)), "ascend"),
        ((1, tuple(range(1, SERIALS_MAX + 2))), "at most"),
        ((1,), "format"),
        ((1, (), ()), "format"),
    ],
)
def test_badly_made_lists_are_refused_even_when_signed(fields, complaint):
    with pytest.raises(Untrusted, match=complaint):
        open_revocations(sign(KEY, KIND, pack(*fields)), authority=AUTHORITY)


@given(st.binary(max_size=100))
def test_signed_junk_is_refused(body):
    try:
        opened = open_revocations(sign(KEY, KIND, body), authority=AUTHORITY)
    except Untrusted:
        return
    assert sign_revocations(KEY, opened) == sign(KEY, KIND, body)


def test_another_authority_and_another_kind_are_refused():
    with pytest.raises(Untrusted, match="signature"):
        open_revocations(
            sign_revocations(SigningKey(bytes([1] * 32)), RevocationList()), authority=AUTHORITY
        )
    with pytest.raises(Untrusted, match="signature"):
        open_revocations(sign(KEY, "certificate", pack(0, ())), authority=AUTHORITY)
