"""Who a device is: an X25519 key made on the device, and how people copy its public half."""

import base64
import hashlib

import attrs
from nacl.bindings import crypto_scalarmult_base, randombytes

from gossipfl.errors import ConfigError
from gossipfl.security.fields import check_size

KEY_BYTES = 32
_PREFIX = "gfl1-"
_CHECKSUM_BYTES = 2
_TEXT_CHARS = len(_PREFIX) + 46  # 34 bytes in unpadded base64


def _secret(value: bytes) -> bytes:
    check_size("device secret", value, KEY_BYTES, KEY_BYTES)
    return value


@attrs.frozen
class DeviceKey:
    """A device's static key pair.  secret and public are 32 bytes; the repr hides the secret."""

    secret: bytes = attrs.field(converter=_secret, repr=False)
    public: bytes = attrs.field(init=False)

    @public.default
    def _derive_public(self) -> bytes:
        return crypto_scalarmult_base(self.secret)

    @classmethod
    def generate(cls) -> "DeviceKey":
        """A new key from the operating system's randomness."""
        return cls(randombytes(KEY_BYTES))

    @classmethod
    def from_secret(cls, secret: bytes) -> "DeviceKey":
        """The key that was stored before.  Raises ConfigError unless it is 32 bytes."""
        return cls(secret)


def encode_public(key: bytes) -> str:
    """51 characters to paste: `gfl1-`, then base64 of the 32-byte key and a checksum."""
    check_size("public key", key, KEY_BYTES, KEY_BYTES)
    return _PREFIX + base64.urlsafe_b64encode(key + _checksum(key)).decode("ascii").rstrip("=")


def decode_public(text: str) -> bytes:
    """The 32-byte key in such a text.  Raises ConfigError on a typo."""
    if len(text) != _TEXT_CHARS or not text.startswith(_PREFIX):
        raise ConfigError(
            f"a device key is {_TEXT_CHARS} characters and starts with {_PREFIX}: copy all of it"
        )
    try:
        key = base64.urlsafe_b64decode(text[len(_PREFIX) :] + "==")[:KEY_BYTES]
        intact = encode_public(key) == text  # base64 skips characters that it does not know
    except (ValueError, ConfigError):
        intact = False
    if not intact:
        raise ConfigError("the device key has a typo: copy it again from the device")
    return key


def peer_id(public: bytes) -> str:
    """A peer's short stable name: 16 hex digits of its public key's BLAKE2b-256."""
    return hashlib.blake2b(public, digest_size=32).hexdigest()[:16]


def _checksum(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=_CHECKSUM_BYTES, person=b"gfl1").digest()
