"""What nodes say a release is worth, signed by the keys that their certificates name.

As records of members do, a report travels with its author's certificate, so that whoever meets it
can tell who said it, and that it is about this release.
"""

import hashlib
from collections.abc import Callable
from typing import Final

import attrs

from gossipfl.errors import ConfigError, Untrusted
from gossipfl.membership.records import Id, id_of
from gossipfl.releases.release import HASH_BYTES, STAGES_MAX
from gossipfl.security.admission import CERTIFICATE_MAX
from gossipfl.security.certificates import Certificate, decode
from gossipfl.security.fields import check_size, pack, sized, unpack, whole
from gossipfl.security.signed import SIGNATURE_BYTES, signed_part
from gossipfl.security.xeddsa import is_signed, sign
from gossipfl.wire.releases import REPORT_MAX

DIGEST_BYTES: Final = 8
THOUSAND: Final = 1000
_KIND: Final = "release-report"

Judge = Callable[[bytes, bytes], Certificate]


@attrs.frozen
class Finding:
    """release: the hash of the release that it is about; stage: the author's.

    worse: than what the author had, by more than is tolerated; change: see `Opinion`, in
    thousandths.  Raises ConfigError outside the limits.
    """

    release: bytes = attrs.field(validator=sized(HASH_BYTES, HASH_BYTES))
    stage: int = attrs.field(validator=whole(0, STAGES_MAX - 1))
    worse: bool = attrs.field(validator=attrs.validators.instance_of(bool))
    change: int = attrs.field(validator=whole(-THOUSAND, THOUSAND))


@attrs.frozen
class Report:
    """A verified finding; `signed` is what to pass on."""

    author: Id
    name: str
    finding: Finding
    signed: bytes = attrs.field(repr=False)
    digest: bytes = attrs.field(init=False)

    @digest.default
    def _hash(self) -> bytes:
        return digest_of(self.signed)


def digest_of(signed: bytes) -> bytes:
    """8 bytes that stand for a signed report."""
    return hashlib.blake2b(signed, digest_size=DIGEST_BYTES).digest()


_FIELDS: Final = tuple(field.name for field in attrs.fields(Finding))


def sign_report(secret: bytes, certificate: bytes, finding: Finding) -> bytes:
    """At most REPORT_MAX bytes, about 250; `certificate` is the signed one of this secret's key."""
    body = pack(*attrs.astuple(finding))
    return pack(certificate, body, sign(secret, signed_part(_KIND, body)))


def open_report(blob: bytes, judge: Judge) -> Report:
    """The report in a blob.

    judge: (signed certificate, public key) -> certificate, if its owner may take part now.
    Raises Untrusted unless a member of the cluster signed it.
    """
    signed, body, signature = unpack(_KIND, blob, _parts, ("certificate", "body", "signature"))
    claimed = decode(signed[SIGNATURE_BYTES:]).public_key
    certificate = judge(signed, claimed)
    if not is_signed(claimed, signed_part(_KIND, body), signature):
        raise Untrusted(f"a report of {certificate.name} that it did not sign")
    finding = unpack(_KIND, body, _finding, _FIELDS)
    return Report(id_of(claimed), certificate.name, finding, blob)


def _finding(release: bytes, stage: int, worse: bool, change: int) -> Finding:
    if not isinstance(worse, bool):
        raise ConfigError("worse is true or false")
    return Finding(release, stage, worse, change)


def _parts(certificate: bytes, body: bytes, signature: bytes) -> tuple[bytes, bytes, bytes]:
    check_size("certificate", certificate, SIGNATURE_BYTES, CERTIFICATE_MAX)
    check_size("body", body, 1, REPORT_MAX)
    check_size("signature", signature, SIGNATURE_BYTES, SIGNATURE_BYTES)
    return certificate, body, signature
