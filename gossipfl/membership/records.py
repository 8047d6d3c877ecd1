"""What members say of themselves and of the dead, signed by the key that their certificate names.

A record travels with its owner's certificate, so whoever meets it can tell that the authority
admitted the owner and that the owner signed it, however many hands it went through.  Which of two
records is newer follows from the incarnation, a counter of the owner's, and from nobody's clock.
"""

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import attrs

from gossipfl.errors import ConfigError, Untrusted
from gossipfl.security.admission import CERTIFICATE_MAX
from gossipfl.security.certificates import Certificate, decode, open_certificate
from gossipfl.security.fields import check_size, pack, sized, unpack, whole
from gossipfl.security.signed import SIGNATURE_BYTES, signed_part
from gossipfl.security.xeddsa import is_signed, sign

ID_BYTES: Final = 8
INSTANCE_BYTES: Final = 8
INCARNATION_MAX: Final = 2**32 - 1
LIFETIME_S: Final = 3 * 86_400
LIFETIME_MAX_S: Final = 7 * 86_400
ADDRESSES_MAX: Final = 4
RECORD_MAX: Final = 1024
OBITUARY_MAX: Final = 128

# Records that one process keeps verified, for all its nodes.
VERIFIED_MAX: Final = 1024

_RECORD, _OBITUARY = "record", "obituary"
_ADDRESS = re.compile(r"[0-9A-Za-z.:%\[\]_-]{3,100}")

Id = bytes
Judge = Callable[[bytes, bytes], Certificate]


def id_of(public_key: bytes) -> Id:
    """A member's name in messages: the first 8 bytes of its public key's BLAKE2b-256."""
    return hashlib.blake2b(public_key, digest_size=32).digest()[:ID_BYTES]


def _check_addresses(_: object, attribute: "attrs.Attribute[Any]", value: Any) -> None:
    if not isinstance(value, tuple) or len(value) > ADDRESSES_MAX:
        raise ConfigError(f"{attribute.name} are at most {ADDRESSES_MAX}")
    if not all(isinstance(each, str) and _ADDRESS.fullmatch(each) for each in value):
        raise ConfigError(f"{attribute.name} are host:port, of 3 to 100 characters")


@attrs.frozen
class Presence:
    """What a member says of itself.

    incarnation: rises with everything new that it says; instance: random, new with every start,
    8 bytes; lifetime_s: for how long to believe it; addresses: where it can be dialled, as
    `host:port`, none when it cannot.  Raises ConfigError outside the limits.
    """

    incarnation: int = attrs.field(validator=whole(0, INCARNATION_MAX))
    instance: bytes = attrs.field(validator=sized(INSTANCE_BYTES, INSTANCE_BYTES))
    lifetime_s: int = attrs.field(validator=whole(1, LIFETIME_MAX_S))
    addresses: tuple[str, ...] = attrs.field(validator=_check_addresses)


@attrs.frozen
class Record:
    """A member's presence, verified; `signed` is what to pass on.

    instance: as links and mDNS name this life of the member, in hexadecimal.
    """

    certificate: Certificate
    presence: Presence
    signed: bytes = attrs.field(repr=False)
    id: Id = attrs.field(init=False)
    instance: str = attrs.field(init=False)

    @id.default
    def _derive_id(self) -> Id:
        return id_of(self.certificate.public_key)

    @instance.default
    def _derive_instance(self) -> str:
        return self.presence.instance.hex()


@attrs.frozen
class Obituary:
    """`accuser` holds that `accused`, in this incarnation, is dead."""

    accused: Id = attrs.field(validator=sized(ID_BYTES, ID_BYTES))
    incarnation: int = attrs.field(validator=whole(0, INCARNATION_MAX))
    accuser: Id = attrs.field(validator=sized(ID_BYTES, ID_BYTES))


_FIELDS = tuple(field.name for field in attrs.fields(Presence))
_OBITUARY_FIELDS = tuple(field.name for field in attrs.fields(Obituary))


def sign_record(secret: bytes, certificate: bytes, presence: Presence) -> bytes:
    """At most RECORD_MAX bytes, about 250; `certificate` is the signed one of this secret's key."""
    body = pack(*attrs.astuple(presence))
    return pack(certificate, body, sign(secret, signed_part(_RECORD, body)))


def open_record(blob: bytes, judge: Judge) -> Record:
    """The record in a blob.

    judge: (signed certificate, public key) -> certificate, if its owner may take part now.
    Raises Untrusted unless a member of the cluster signed it.
    """
    check_size(_RECORD, blob, 1, RECORD_MAX)
    signed, body, signature = unpack(_RECORD, blob, _parts, ("certificate", "body", "signature"))
    claimed = decode(signed[SIGNATURE_BYTES:]).public_key
    certificate = judge(signed, claimed)
    if not is_signed(claimed, signed_part(_RECORD, body), signature):
        raise Untrusted(f"a record of {certificate.name} that it did not sign")
    return Record(certificate, unpack(_RECORD, body, Presence, _FIELDS), blob)


@lru_cache(maxsize=VERIFIED_MAX)
def verified_record(blob: bytes, authority: bytes, cluster_id: bytes) -> Record:
    """The record in a blob, once for all who ask; says nothing about now.

    Members hear of each other from many sides, and nodes of one process of the same ones.
    Raises Untrusted unless somebody whom this authority admitted signed it.
    """

    def judge(signed: bytes, public_key: bytes) -> Certificate:
        return open_certificate(
            signed, authority=authority, cluster_id=cluster_id, public_key=public_key
        )

    return open_record(blob, judge)


def sign_obituary(secret: bytes, obituary: Obituary) -> bytes:
    """At most OBITUARY_MAX bytes; `secret` is the accuser's."""
    body = pack(*attrs.astuple(obituary))
    return sign(secret, signed_part(_OBITUARY, body)) + body


def read_obituary(blob: bytes) -> Obituary:
    """What it says, not yet verified.  Raises Untrusted unless it is one."""
    return unpack(_OBITUARY, blob[SIGNATURE_BYTES:], Obituary, _OBITUARY_FIELDS)


def is_by(blob: bytes, public_key: bytes) -> bool:
    """Whether the member with this key signed the obituary."""
    body = blob[SIGNATURE_BYTES:]
    return is_signed(public_key, signed_part(_OBITUARY, body), blob[:SIGNATURE_BYTES])


def _parts(certificate: bytes, body: bytes, signature: bytes) -> tuple[bytes, bytes, bytes]:
    check_size("certificate", certificate, SIGNATURE_BYTES, CERTIFICATE_MAX)
    check_size("body", body, 1, RECORD_MAX)
    check_size("signature", signature, SIGNATURE_BYTES, SIGNATURE_BYTES)
    return certificate, body, signature
