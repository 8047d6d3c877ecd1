"""Signatures by the device's own X25519 key, the one that its certificate names.

XEdDSA (Trevor Perrin, "The XEdDSA and VXEdDSA signature schemes", 2016, section 3): the secret is
used as an Ed25519 scalar whose public point has the sign bit 0, so every Ed25519 verifier can check
the signature.  Scalars and points are libsodium's; only public numbers are computed with in Python.
"""

import hashlib

from nacl.bindings import (
    crypto_core_ed25519_scalar_add,
    crypto_core_ed25519_scalar_mul,
    crypto_core_ed25519_scalar_negate,
    crypto_core_ed25519_scalar_reduce,
    crypto_scalarmult_ed25519_base_noclamp,
    randombytes,
)
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from gossipfl.security.fields import check_size
from gossipfl.security.identity import KEY_BYTES

SIGNATURE_BYTES = 64

_P = 2**255 - 19
_SIGN_BIT = 0x80
# "hash_1" of the specification: 2^256 - 2, little-endian, before what is hashed.
_HASH_1 = b"\xfe" + bytes([0xFF]) * 31


def sign(secret: bytes, message: bytes) -> bytes:
    """64 bytes.  `secret` is a device's X25519 secret of 32 bytes; else ConfigError."""
    check_size("device secret", secret, KEY_BYTES, KEY_BYTES)
    scalar, public = _key_pair(secret)
    nonce = _scalar_of(_HASH_1, scalar, message, randombytes(64))
    point = crypto_scalarmult_ed25519_base_noclamp(nonce)
    challenge = _scalar_of(point, public, message)
    product = crypto_core_ed25519_scalar_mul(challenge, scalar)
    return point + crypto_core_ed25519_scalar_add(nonce, product)


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the device with this X25519 public key, 32 bytes, signed the message."""
    check_size("public key", public, KEY_BYTES, KEY_BYTES)
    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        VerifyKey(_edwards(public)).verify(message, signature)
    except BadSignatureError:
        return False
    return True


def _key_pair(secret: bytes) -> tuple[bytes, bytes]:
    """The scalar whose point has the sign bit 0, and that point."""
    clamped = bytes([secret[0] & 248, *secret[1:31], (secret[31] & 127) | 64])
    scalar = crypto_core_ed25519_scalar_reduce(clamped + bytes(32))
    public = crypto_scalarmult_ed25519_base_noclamp(scalar)
    if public[31] & _SIGN_BIT:
        scalar = crypto_core_ed25519_scalar_negate(scalar)
        public = public[:31] + bytes([public[31] & ~_SIGN_BIT])
    return scalar, public


def _edwards(public: bytes) -> bytes:
    """The Ed25519 point, sign bit 0, with this Montgomery coordinate: y = (u - 1) / (u + 1)."""
    u = int.from_bytes(public, "little") % 2**255
    # The inverse that pow finds by itself takes a sixtieth of Fermat's, and 0 has none.
    y = (u - 1) * (pow(u + 1, -1, _P) if (u + 1) % _P else 0) % _P
    return y.to_bytes(KEY_BYTES, "little")


def _scalar_of(*parts: bytes) -> bytes:
    return crypto_core_ed25519_scalar_reduce(hashlib.sha512(b"".join(parts)).digest())
