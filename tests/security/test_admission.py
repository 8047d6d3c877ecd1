"""Join files: only the admitted device opens one, and only if its authority vouches for it."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PublicKey, SealedBox

from gossipfl.errors import ConfigError, PeerError, Untrusted
from gossipfl.security.admission import JOIN_FILE_MAX, MAGIC, Admission, open_with, seal_for
from gossipfl.security.authority import Authority
from gossipfl.security.fields import pack
from gossipfl.security.identity import DeviceKey
from gossipfl.security.revocations import RevocationList
from gossipfl.security.signed import BODY_MAX, SIGNED_MAX

AUTHORITY = Authority.from_seed(bytes([5] * 32))
OTHER_AUTHORITY = Authority.from_seed(bytes([7] * 32))
WATCH = DeviceKey.from_secret(bytes([6] * 32))
OTHER_DEVICE = DeviceKey.from_secret(bytes([8] * 32))
BUNDLE = Admission(
    authority=AUTHORITY.public,
    cluster_key=b"the cluster key of 32 characters",
    certificate=AUTHORITY.admit("watch", WATCH.public, ["peer"], 3, 1_000_000, 30),
    manifest=AUTHORITY.sign("manifest", b"model"),
    revocations=AUTHORITY.revoke(RevocationList()),
)


def seal_body(body):
    """A join file around anything at all."""
    return MAGIC + SealedBox(PublicKey(WATCH.public)).encrypt(body)


def test_the_device_gets_what_was_sealed():
    blob = seal_for(WATCH.public, BUNDLE)
    assert blob.startswith(b"GFLJOIN1")
    assert BUNDLE.cluster_key not in blob
    assert open_with(WATCH, blob) == BUNDLE
    assert seal_for(WATCH.public, BUNDLE) != blob


def test_the_repr_hides_the_cluster_key():
    assert "cluster key" not in repr(BUNDLE)


def test_the_largest_bundle_fits():
    serials = range(2**31, 2**31 + 10_000)
    large = attrs.evolve(
        BUNDLE,
        manifest=AUTHORITY.sign("manifest", bytes(BODY_MAX)),
        revocations=AUTHORITY.revoke(RevocationList(), *serials),
    )
    blob = seal_for(WATCH.public, large)
    assert len(blob) <= JOIN_FILE_MAX
    assert open_with(WATCH, blob) == large


def test_another_device_cannot_open_it():
    with pytest.raises(Untrusted, match="sealed for another device"):
        open_with(OTHER_DEVICE, seal_for(WATCH.public, BUNDLE))


@pytest.mark.parametrize("blob", [b"", b"GFLJOIN", b"GFLJOIN2" + bytes(100), b"-----BEGIN KEY"])
def test_other_files_are_named_as_such(blob):
    with pytest.raises(ConfigError, match="not a join file"):
        open_with(WATCH, blob)


def test_size_is_bounded():
    with pytest.raises(ConfigError, match="not a join file"):
        open_with(WATCH, MAGIC + bytes(JOIN_FILE_MAX))


def test_every_truncation_is_refused():
    blob = seal_for(WATCH.public, BUNDLE)
    with pytest.raises(ConfigError, match="truncated"):
        open_with(WATCH, blob[: len(MAGIC) + 47])
    for size in range(len(blob)):
        with pytest.raises((ConfigError, Untrusted)):
            open_with(WATCH, blob[:size])


def test_every_damaged_byte_is_refused():
    blob = seal_for(WATCH.public, BUNDLE)
    for at in range(len(blob)):
        damaged = bytearray(blob)
        damaged[at] ^= 1 << at % 8
        with pytest.raises((ConfigError, Untrusted)):
            open_with(WATCH, bytes(damaged))


@given(st.binary(max_size=300))
def test_sealed_junk_is_refused(body):
    """Anyone can seal for a public key, so what is inside is not to be trusted either."""
    with pytest.raises(PeerError):
        open_with(WATCH, seal_body(body))


@given(st.binary(max_size=300))
def test_junk_behind_the_magic_is_refused(junk):
    with pytest.raises((ConfigError, Untrusted)):
        open_with(WATCH, MAGIC + junk)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"authority": OTHER_AUTHORITY.public}, "bad signature"),
        ({"authority": bytes(32)}, "bad signature"),
        (
            {"certificate": AUTHORITY.admit("b", OTHER_DEVICE.public, ["peer"], 4, 0, 1)},
            "another device's key",
        ),
        ({"certificate": bytes(64)}, "bad signature"),
        ({"revocations": OTHER_AUTHORITY.revoke(RevocationList())}, "bad signature"),
    ],
)
def test_what_the_authority_did_not_sign_is_refused(change, complaint):
    with pytest.raises(Untrusted, match=complaint):
        open_with(WATCH, seal_for(WATCH.public, attrs.evolve(BUNDLE, **change)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("authority", bytes(31)),
        ("cluster_key", bytes(33)),
        ("cluster_key", "x" * 32),
        ("certificate", bytes(63)),
        ("certificate", bytes(513)),
        ("manifest", bytes(SIGNED_MAX + 1)),
        ("manifest", None),
        ("revocations", b""),
        ("revocations", 7),
    ],
)
def test_bad_fields_are_neither_sealed_nor_accepted(field, value):
    with pytest.raises(ConfigError, match=field):
        attrs.evolve(BUNDLE, **{field: value})
    fields = {**attrs.asdict(BUNDLE), field: value}
    with pytest.raises(Untrusted, match=field):
        open_with(WATCH, seal_body(pack(*fields.values())))


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), bytes([1]) + bytes(31)])
def test_only_usable_device_keys_are_sealed_for(key):
    with pytest.raises(ConfigError, match="device key"):
        seal_for(key, BUNDLE)
