"""The symmetric half of Noise: ChaCha20-Poly1305, HKDF, chaining key and transcript hash.

Noise Protocol Framework, revision 34, sections 4.3, 5.1, 5.2 and 12.
"""

import hashlib
import hmac
import struct

# PyNaCl's own functions write out six messages of errors a call, which takes longer than to seal.
from nacl._sodium import ffi, lib  # type: ignore[import-not-found]
from nacl.exceptions import CryptoError

from gossipfl.errors import LocalProtocolError, RemoteProtocolError, Untrusted

KEY_BYTES = 32
TAG_BYTES = 16
MESSAGE_MAX = 65535  # bytes in any Noise message, section 3
NONCE_MAX = 2**64 - 2  # the last value is reserved, section 5.1

_HASHES: dict[str, type[hashlib.blake2b] | type[hashlib.blake2s]] = {
    "BLAKE2b": hashlib.blake2b,
    "BLAKE2s": hashlib.blake2s,
}


def aead_seal(key: bytes, nonce: int, data: bytes, plaintext: bytes) -> bytes:
    """Ciphertext and 16-byte tag; `data` is authenticated too.  nonce: 0 to NONCE_MAX."""
    _check_key(key)
    size = len(plaintext) + TAG_BYTES
    sealed = ffi.new("unsigned char[]", size)
    known = (plaintext, len(plaintext), data, len(data), ffi.NULL, _pack_nonce(nonce), key)
    if lib.crypto_aead_chacha20poly1305_ietf_encrypt(sealed, ffi.NULL, *known):
        raise CryptoError("libsodium cannot seal this")
    return bytes(ffi.buffer(sealed, size))


def aead_open(key: bytes, nonce: int, data: bytes, ciphertext: bytes) -> bytes:
    """Plaintext of at least TAG_BYTES of ciphertext.  Raises nacl's CryptoError on a forgery."""
    _check_key(key)
    size = len(ciphertext) - TAG_BYTES
    if size < 0:
        raise CryptoError("shorter than a tag")
    opened = ffi.new("unsigned char[]", size)
    known = (ciphertext, len(ciphertext), data, len(data), _pack_nonce(nonce), key)
    if lib.crypto_aead_chacha20poly1305_ietf_decrypt(opened, ffi.NULL, ffi.NULL, *known):
        raise CryptoError("the tag does not fit")
    return bytes(ffi.buffer(opened, size))


def _check_key(key: bytes) -> None:
    """libsodium reads so many bytes, whatever it is given."""
    if len(key) != KEY_BYTES:
        raise LocalProtocolError(f"a key has {KEY_BYTES} bytes, not {len(key)}")


def _pack_nonce(nonce: int) -> bytes:
    return struct.pack("<4xQ", nonce)


class SymmetricState:
    """Keys and transcript hash of a handshake in progress; names follow the specification."""

    __slots__ = ("_chaining_key", "_hash", "_key", "_nonce", "handshake_hash")

    def __init__(self, protocol: str, hash_name: str) -> None:
        self._hash = _HASHES[hash_name]
        name, size = protocol.encode("ascii"), self._hash().digest_size
        self.handshake_hash = name.ljust(size, b"\0") if len(name) <= size else self._digest(name)
        self._chaining_key = self.handshake_hash
        self._key: bytes | None = None
        self._nonce = 0

    def mix_hash(self, data: bytes) -> None:
        """Bind `data` into the transcript."""
        self.handshake_hash = self._digest(self.handshake_hash + data)

    def mix_key(self, material: bytes) -> None:
        """Derive a fresh cipher key from `material`, a Diffie-Hellman result or public key."""
        self._chaining_key, key = self._hkdf(material, 2)
        self._set_key(key)

    def mix_key_and_hash(self, psk: bytes) -> None:
        """Bind a pre-shared key into both the keys and the transcript."""
        self._chaining_key, digest, key = self._hkdf(psk, 3)
        self.mix_hash(digest)
        self._set_key(key)

    @property
    def overhead_bytes(self) -> int:
        """Bytes that encrypt_and_hash adds: no key, no tag."""
        return 0 if self._key is None else TAG_BYTES

    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        """Ciphertext bound to the transcript so far; plaintext as it is before the first key."""
        output = plaintext
        if self._key is not None:
            output = aead_seal(self._key, self._nonce, self.handshake_hash, plaintext)
            self._nonce += 1
        self.mix_hash(output)
        return output

    def decrypt_and_hash(self, ciphertext: bytes) -> bytes:
        """The reverse.  Raises RemoteProtocolError when truncated, Untrusted when forged."""
        plaintext = ciphertext if self._key is None else self._decrypt(self._key, ciphertext)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[bytes, bytes]:
        """Transport keys: initiator to responder, and back."""
        first, second = self._hkdf(b"", 2)
        return first[:KEY_BYTES], second[:KEY_BYTES]

    def _decrypt(self, key: bytes, ciphertext: bytes) -> bytes:
        if len(ciphertext) < TAG_BYTES:
            raise RemoteProtocolError("handshake message is truncated")
        try:
            plaintext = aead_open(key, self._nonce, self.handshake_hash, ciphertext)
        except CryptoError:
            raise Untrusted(
                "handshake does not authenticate: the peer has another cluster key, or was forged"
            ) from None
        self._nonce += 1
        return plaintext

    def _set_key(self, key: bytes) -> None:
        self._key, self._nonce = key[:KEY_BYTES], 0

    def _digest(self, data: bytes) -> bytes:
        return self._hash(data).digest()

    def _hmac(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, self._hash)

    def _hkdf(self, material: bytes, count: int) -> list[bytes]:
        """Section 4.3: `count` outputs of one hash length each."""
        secret, outputs = self._hmac(self._chaining_key, material), [b""]
        for index in range(1, count + 1):
            outputs.append(self._hmac(secret, outputs[-1] + bytes([index])))
        return outputs[1:]
