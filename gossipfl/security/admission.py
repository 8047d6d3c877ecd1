"""Join files: all that an admitted device needs, sealed so that only this device can read it."""

import attrs
from nacl.bindings import crypto_box_SEALBYTES
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from gossipfl.errors import ConfigError, Untrusted
from gossipfl.security.authority import cluster_id_of
from gossipfl.security.certificates import open_certificate
from gossipfl.security.fields import check_size, pack, sized, unpack
from gossipfl.security.identity import KEY_BYTES, DeviceKey
from gossipfl.security.revocations import open_revocations
from gossipfl.security.signed import SIGNATURE_BYTES, SIGNED_MAX

MAGIC = b"GFLJOIN1"
CLUSTER_KEY_BYTES = 32
CERTIFICATE_MAX = 512
JOIN_FILE_MAX = 2 * SIGNED_MAX + CERTIFICATE_MAX + 512


@attrs.frozen(kw_only=True)
class Admission:
    """What a device gets when it is admitted.

    authority: the cluster's Ed25519 public key, 32 bytes; cluster_key: the links' pre-shared key,
    32 bytes, hidden from the repr; certificate, manifest, revocations: signed blobs of at most
    512 bytes, 64 KiB and 64 KiB.  Raises ConfigError outside these sizes.
    """

    authority: bytes = attrs.field(validator=sized(KEY_BYTES, KEY_BYTES))
    cluster_key: bytes = attrs.field(
        validator=sized(CLUSTER_KEY_BYTES, CLUSTER_KEY_BYTES), repr=False
    )
    certificate: bytes = attrs.field(validator=sized(SIGNATURE_BYTES, CERTIFICATE_MAX), repr=False)
    manifest: bytes = attrs.field(validator=sized(SIGNATURE_BYTES, SIGNED_MAX), repr=False)
    revocations: bytes = attrs.field(validator=sized(SIGNATURE_BYTES, SIGNED_MAX), repr=False)


_FIELDS = tuple(field.name for field in attrs.fields(Admission))


def seal_for(public_key: bytes, bundle: Admission) -> bytes:
    """A join file for the device with this X25519 public key.

    Raises ConfigError unless the key is 32 bytes and of full order.
    """
    check_size("device key", public_key, KEY_BYTES, KEY_BYTES)
    body = pack(*attrs.astuple(bundle, recurse=False))
    try:
        return MAGIC + SealedBox(PublicKey(public_key)).encrypt(body)
    except RuntimeError:  # libsodium refuses keys of low order
        raise ConfigError("the device key is not a usable key: copy it again") from None


def open_with(device_key: DeviceKey, blob: bytes) -> Admission:
    """The admission in a join file, checked: the authority in it admitted this very device.

    Anyone may seal a file for a public key, so whether it is the right authority is for a person
    to compare.  The manifest is left to its reader, and the certificate's dates to `verify`.
    Raises ConfigError if this is no join file, Untrusted if it is sealed for another device,
    damaged, or not signed by its own authority.
    """
    if not blob.startswith(MAGIC) or len(blob) > JOIN_FILE_MAX:
        raise ConfigError("this is not a join file: ask the cluster's operator for one")
    bundle = unpack("join file", _unseal(device_key, blob[len(MAGIC) :]), Admission, _FIELDS)
    open_certificate(
        bundle.certificate,
        authority=bundle.authority,
        cluster_id=cluster_id_of(bundle.authority),
        public_key=device_key.public,
    )
    open_revocations(bundle.revocations, authority=bundle.authority)
    return bundle


def _unseal(device_key: DeviceKey, sealed: bytes) -> bytes:
    if len(sealed) < crypto_box_SEALBYTES:
        raise ConfigError("the join file is truncated: copy all of it")
    try:
        return SealedBox(PrivateKey(device_key.secret)).decrypt(sealed)
    except CryptoError:
        raise Untrusted(
            "the join file is sealed for another device, or damaged: admit this device's key"
        ) from None
