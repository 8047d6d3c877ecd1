"""Certificates: which are believed, and which of the reasons is given when one is not."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from gossipfl.errors import ConfigError, Untrusted
from gossipfl.security.certificates import (
    CLOCK_SKEW_S,
    KIND,
    ROLES,
    Certificate,
    decode,
    encode,
    issue,
    open_certificate,
    verify,
)
from gossipfl.security.fields import pack
from gossipfl.security.revocations import SERIAL_MAX, RevocationList
from gossipfl.security.signed import sign

KEY = SigningKey(bytes(32))
AUTHORITY = bytes(KEY.verify_key)
WATCH = Certificate(
    cluster_id=bytes(16),
    name="watch-1",
    roles=("peer",),
    public_key=bytes(range(32)),
    serial=7,
    not_before_s=1_000_000,
    not_after_s=2_000_000,
)
EXPECTED = {
    "authority": AUTHORITY,
    "cluster_id": WATCH.cluster_id,
    "public_key": WATCH.public_key,
    "now_s": 1_500_000,
    "revocations": RevocationList(),
}


def some_certificates():
    times = st.integers(0, 2**40)
    return st.builds(
        lambda span, **fields: Certificate(not_before_s=min(span), not_after_s=max(span), **fields),
        span=st.tuples(times, times),
        cluster_id=st.binary(min_size=16, max_size=16),
        name=st.from_regex(r"[A-Za-z0-9_.-]{1,63}", fullmatch=True),
        roles=st.sets(st.sampled_from(ROLES), min_size=1).map(sorted).map(tuple),
        public_key=st.binary(min_size=32, max_size=32),
        serial=st.integers(1, SERIAL_MAX),
    )


@given(some_certificates())
def test_round_trip(certificate):
    assert decode(encode(certificate)) == certificate
    assert len(issue(KEY, certificate)) < 300


def test_the_encoding_is_frozen():
    assert encode(WATCH).hex() == (
        "97c410" + "00" * 16 + "a7" + b"watch-1".hex() + "91a4" + b"peer".hex()
        + "c420" + bytes(range(32)).hex() + "07" + "ce000f4240" + "ce001e8480"
    )  # fmt: skip


def test_a_good_certificate_is_believed():
    assert verify(issue(KEY, WATCH), **EXPECTED) == WATCH


@pytest.mark.parametrize(
    ("expected", "complaint"),
    [
        ({"authority": bytes(SigningKey(bytes([1] * 32)).verify_key)}, "bad signature"),
        ({"cluster_id": bytes([1] * 16)}, "another cluster"),
        ({"public_key": bytes(32)}, "another device's key"),
        ({"revocations": RevocationList(1, frozenset({6, 7}))}, "revoked"),
        ({"now_s": 2_000_000 + CLOCK_SKEW_S + 1}, "has expired"),
        ({"now_s": 1_000_000 - CLOCK_SKEW_S - 1}, "not yet valid"),
    ],
)
def test_each_refusal_has_its_own_reason(expected, complaint):
    with pytest.raises(Untrusted, match=complaint):
        verify(issue(KEY, WATCH), **{**EXPECTED, **expected})


@pytest.mark.parametrize("now_s", [1_000_000 - CLOCK_SKEW_S, 2_000_000.0 + CLOCK_SKEW_S])
def test_clocks_may_be_five_minutes_off(now_s):
    assert CLOCK_SKEW_S == 300
    assert verify(issue(KEY, WATCH), **{**EXPECTED, "now_s": now_s}) == WATCH


def test_other_serials_may_be_revoked():
    others = RevocationList(1, frozenset({6, 8}))
    assert verify(issue(KEY, WATCH), **{**EXPECTED, "revocations": others}) == WATCH


def test_a_certificate_can_be_checked_without_a_clock():
    blob = issue(KEY, attrs.evolve(WATCH, not_before_s=0, not_after_s=0))
    expected = {name: EXPECTED[name] for name in ("authority", "cluster_id", "public_key")}
    assert open_certificate(blob, **expected).serial == 7


def test_every_flipped_bit_is_refused():
    blob = issue(KEY, WATCH)
    for at in range(len(blob) * 8):
        forged = bytearray(blob)
        forged[at // 8] ^= 1 << at % 8
        with pytest.raises(Untrusted, match="bad signature"):
            verify(bytes(forged), **EXPECTED)


@given(st.binary(max_size=300))
def test_junk_is_refused(blob):
    with pytest.raises(Untrusted):
        verify(blob, **EXPECTED)


@given(st.binary(max_size=200))
def test_signed_junk_is_refused(body):
    with pytest.raises(Untrusted):
        verify(sign(KEY, KIND, body), **EXPECTED)


BAD_FIELDS = [
    ("cluster_id", bytes(15)),
    ("cluster_id", "x" * 16),
    ("name", ""),
    ("name", "x" * 64),
    ("name", "two words"),
    ("name", "newline\n"),
    ("name", "ö"),
    ("name", b"watch"),
    ("name", 7),
    ("roles", ()),
    ("roles", ("king",)),
    ("roles", ("seed", "peer")),
    ("roles", ("peer", "peer")),
    ("roles", ("peer", {})),
    ("roles", "peer"),
    ("roles", 7),
    ("roles", None),
    ("public_key", bytes(33)),
    ("public_key", None),
    ("serial", 0),
    ("serial", -1),
    ("serial", SERIAL_MAX + 1),
    ("serial", True),
    ("serial", 1.0),
    ("serial", "7"),
    ("not_before_s", -1),
    ("not_before_s", 2_000_001),
    ("not_before_s", 1.5),
    ("not_after_s", 2**40 + 1),
    ("not_after_s", 999_999),
    ("not_after_s", None),
]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS)
def test_bad_fields_are_never_issued_and_never_believed(field, value):
    with pytest.raises(ConfigError, match=field):
        attrs.evolve(WATCH, **{field: value})
    fields = {**attrs.asdict(WATCH), field: value}
    with pytest.raises(Untrusted, match=field):
        verify(sign(KEY, KIND, pack(*fields.values())), **EXPECTED)


def test_a_certificate_has_exactly_its_fields():
    fields = attrs.astuple(WATCH)
    for wrong in (fields[:-1], (*fields, 0)):
        with pytest.raises(Untrusted, match="format"):
            decode(pack(*wrong))
