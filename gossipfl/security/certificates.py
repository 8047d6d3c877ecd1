"""Certificates: the authority's word that a device key belongs to a cluster, and as what."""

import re

import attrs
from nacl.signing import SigningKey

from gossipfl.errors import ConfigError, Untrusted
from gossipfl.security.fields import pack, sized, unpack, whole
from gossipfl.security.identity import KEY_BYTES
from gossipfl.security.revocations import SERIAL_MAX, RevocationList
from gossipfl.security.signed import open_signed, sign

CLUSTER_ID_BYTES = 16
CLOCK_SKEW_S = 300  # devices without a battery clock are often minutes off
SEED = "seed"
ROLES = ("gateway", "peer", SEED)
KIND = "certificate"

_TIME_MAX_S = 2**40  # far beyond any date, and within 64 bits
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,63}")


def _check_name(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ConfigError("name must be 1 to 63 letters, digits, hyphens, underscores or dots")


def _check_roles(
    instance: object, attribute: "attrs.Attribute[tuple[str, ...]]", value: tuple[str, ...]
) -> None:
    listed = isinstance(value, tuple) and tuple(role for role in ROLES if role in value)
    if not listed or listed != value:
        raise ConfigError(f"roles must be one or more of {', '.join(ROLES)}, in this order")


@attrs.frozen(kw_only=True)
class Certificate:
    """One device's membership.

    cluster_id: 16 bytes; name: 1 to 63 of A-Z a-z 0-9 - _ . ; roles: some of ROLES, in order;
    public_key: the device's X25519 key, 32 bytes; serial: unique in the cluster, from 1;
    not_before_s, not_after_s: Unix seconds.  Raises ConfigError outside these ranges.
    """

    cluster_id: bytes = attrs.field(validator=sized(CLUSTER_ID_BYTES, CLUSTER_ID_BYTES))
    name: str = attrs.field(validator=_check_name)
    roles: tuple[str, ...] = attrs.field(validator=_check_roles)
    public_key: bytes = attrs.field(validator=sized(KEY_BYTES, KEY_BYTES))
    serial: int = attrs.field(validator=whole(1, SERIAL_MAX))
    not_before_s: int = attrs.field(validator=whole(0, _TIME_MAX_S))
    not_after_s: int = attrs.field(validator=whole(0, _TIME_MAX_S))

    @property
    def is_seed(self) -> bool:
        """It may coordinate others."""
        return SEED in self.roles

    def __attrs_post_init__(self) -> None:
        if self.not_after_s < self.not_before_s:
            raise ConfigError("not_after_s must not come before not_before_s")


_FIELDS = tuple(field.name for field in attrs.fields(Certificate))


def encode(certificate: Certificate) -> bytes:
    """About 100 bytes of msgpack, unsigned."""
    return pack(*attrs.astuple(certificate, recurse=False))


def decode(body: bytes) -> Certificate:
    """The reverse of encode.  Raises Untrusted unless it is one valid certificate."""
    return unpack(KIND, body, Certificate, _FIELDS)


def issue(authority_key: SigningKey, certificate: Certificate) -> bytes:
    """The signed certificate, as a device presents it: under 300 bytes."""
    return sign(authority_key, KIND, encode(certificate))


def open_certificate(
    blob: bytes, *, authority: bytes, cluster_id: bytes, public_key: bytes
) -> Certificate:
    """The certificate in a blob, if it binds this key to this cluster; says nothing about now.

    Raises Untrusted: bad signature, another cluster, or another device's key.
    """
    certificate = decode(open_signed(blob, kind=KIND, authority=authority))
    if certificate.cluster_id != cluster_id:
        raise Untrusted(f"certificate of {certificate.name} is for another cluster")
    if certificate.public_key != public_key:
        raise Untrusted(f"certificate of {certificate.name} is for another device's key")
    return certificate


def verify(
    blob: bytes,
    *,
    authority: bytes,
    cluster_id: bytes,
    public_key: bytes,
    now_s: float,
    revocations: RevocationList,
) -> Certificate:
    """The certificate in a blob, if the peer with this public key may take part now.

    authority: Ed25519 public key, 32 bytes; public_key: what the handshake authenticated;
    now_s: Unix seconds, where CLOCK_SKEW_S is forgiven at both ends of the validity.
    Raises Untrusted as open_certificate does, and when revoked, expired or not yet valid.
    """
    certificate = open_certificate(
        blob, authority=authority, cluster_id=cluster_id, public_key=public_key
    )
    check_valid(certificate, now_s=now_s, revocations=revocations)
    return certificate


def check_valid(certificate: Certificate, *, now_s: float, revocations: RevocationList) -> None:
    """Raises Untrusted when a certificate is revoked, has expired or is not yet valid."""
    check_current(certificate, now_s=now_s, revocations=revocations)
    if now_s < certificate.not_before_s - CLOCK_SKEW_S:
        raise Untrusted(f"certificate of {certificate.name} is not yet valid: check both clocks")


def check_current(certificate: Certificate, *, now_s: float, revocations: RevocationList) -> None:
    """Raises Untrusted when a certificate that was good has been revoked since, or has expired."""
    if certificate.serial in revocations.serials:
        raise Untrusted(f"certificate of {certificate.name} is revoked")
    if now_s > certificate.not_after_s + CLOCK_SKEW_S:
        raise Untrusted(f"certificate of {certificate.name} has expired: admit the device again")
