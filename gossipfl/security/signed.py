"""Signed envelopes: an Ed25519 signature before the body, separated by kind.

The kind is signed but not sent: whoever opens an envelope says what it must be, so a signed
revocation list can never pass for a certificate.
"""

import re

from nacl.bindings import crypto_sign_PUBLICKEYBYTES
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from gossipfl.errors import LocalProtocolError, Untrusted
from gossipfl.security.fields import check_size

SIGNATURE_BYTES = 64
SIGNED_MAX = 64 * 1024  # bytes of a whole envelope
BODY_MAX = SIGNED_MAX - SIGNATURE_BYTES

_CONTEXT = b"gossipfl signed 1 "
_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}")


def sign(signing_key: SigningKey, kind: str, body: bytes) -> bytes:
    """Signature and body.  Raises LocalProtocolError on a body above BODY_MAX bytes."""
    if len(body) > BODY_MAX:
        raise LocalProtocolError(f"{kind} has {len(body)} bytes to sign, at most {BODY_MAX} fit")
    return signing_key.sign(signed_part(kind, body)).signature + body


def open_signed(blob: bytes, *, kind: str, authority: bytes) -> bytes:
    """The body of an envelope of this kind.

    Raises Untrusted unless `authority` (a 32-byte Ed25519 public key) signed it as this kind,
    and ConfigError if the authority key itself has another length.
    """
    check_size("authority key", authority, crypto_sign_PUBLICKEYBYTES, crypto_sign_PUBLICKEYBYTES)
    if not SIGNATURE_BYTES <= len(blob) <= SIGNED_MAX:
        raise Untrusted(f"{kind} is truncated or too long")
    signature, body = blob[:SIGNATURE_BYTES], blob[SIGNATURE_BYTES:]
    try:
        VerifyKey(authority).verify(signed_part(kind, body), signature)
    except BadSignatureError:
        raise Untrusted(f"{kind} has a bad signature: not issued by this authority") from None
    return body


def signed_part(kind: str, body: bytes) -> bytes:
    """What a signature covers: the kind, then the body."""
    if not _KIND.fullmatch(kind):
        raise LocalProtocolError(f"{kind!r} is no kind: use a-z, 0-9 and hyphens")
    return _CONTEXT + kind.encode("ascii") + b"\0" + body
