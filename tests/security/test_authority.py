"""The authority: admits and revokes for its one cluster, and keeps its key to itself."""

import hashlib

import pytest

from gossipfl.errors import ConfigError, Untrusted
from gossipfl.security.authority import Authority, cluster_id_of
from gossipfl.security.certificates import verify
from gossipfl.security.identity import DeviceKey
from gossipfl.security.revocations import RevocationList, open_revocations
from gossipfl.security.signed import open_signed

AUTHORITY = Authority.from_seed(bytes([5] * 32))
WATCH = DeviceKey.from_secret(bytes([6] * 32))
NOW_S = 1_000_000.75


def check(blob, authority=AUTHORITY, now_s=NOW_S, revocations=None):
    return verify(
        blob,
        authority=authority.public,
        cluster_id=authority.cluster_id,
        public_key=WATCH.public,
        now_s=now_s,
        revocations=revocations or RevocationList(),
    )


def test_authorities_are_made_fresh_and_restored():
    authority = Authority.create()
    assert authority.public != Authority.create().public
    assert Authority.from_seed(authority.seed).public == authority.public


def test_a_cluster_is_named_after_its_authority():
    digest = hashlib.blake2b(AUTHORITY.public).digest()
    assert AUTHORITY.cluster_id == cluster_id_of(AUTHORITY.public) == digest[:16]


def test_the_repr_hides_the_key():
    assert AUTHORITY.seed.hex() not in repr(AUTHORITY)
    assert repr(AUTHORITY) == "Authority()"


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33), "a" * 32])
def test_a_seed_is_32_bytes(seed):
    with pytest.raises(ConfigError, match="authority seed must be 32 bytes"):
        Authority.from_seed(seed)


def test_an_admitted_device_is_believed_for_its_days():
    certificate = check(AUTHORITY.admit("watch", WATCH.public, {"seed", "peer"}, 3, NOW_S, 30))
    assert (certificate.name, certificate.roles) == ("watch", ("peer", "seed"))
    assert (certificate.serial, certificate.public_key) == (3, WATCH.public)
    assert certificate.not_before_s == 1_000_000
    assert certificate.not_after_s == 1_000_000 + 30 * 86_400


def test_another_cluster_does_not_believe_it():
    blob = AUTHORITY.admit("watch", WATCH.public, ["peer"], 3, NOW_S, 30)
    with pytest.raises(Untrusted, match="bad signature"):
        check(blob, authority=Authority.create())


@pytest.mark.parametrize("days", [0, -1, 36_501, 1.5])
def test_validity_is_bounded(days):
    with pytest.raises(ConfigError, match="valid_days"):
        AUTHORITY.admit("watch", WATCH.public, ["peer"], 3, NOW_S, days)


def test_a_bad_admission_names_the_field():
    with pytest.raises(ConfigError, match="roles"):
        AUTHORITY.admit("watch", WATCH.public, ["king"], 3, NOW_S, 30)
    with pytest.raises(ConfigError, match="public_key"):
        AUTHORITY.admit("watch", b"", ["peer"], 3, NOW_S, 30)


def test_a_revoked_device_is_refused():
    blob = AUTHORITY.admit("watch", WATCH.public, ["peer"], 3, NOW_S, 30)
    signed = AUTHORITY.revoke(RevocationList(), 3, 4)
    revocations = open_revocations(signed, authority=AUTHORITY.public)
    assert revocations == RevocationList(1, frozenset({3, 4}))
    with pytest.raises(Untrusted, match="revoked"):
        check(blob, revocations=revocations)


def test_other_kinds_are_signed_too():
    blob = AUTHORITY.sign("manifest", b"model")
    assert open_signed(blob, kind="manifest", authority=AUTHORITY.public) == b"model"
