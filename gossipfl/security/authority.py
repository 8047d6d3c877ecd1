"""The cluster's authority: the one Ed25519 key, kept by its operator, that admits and revokes."""

import hashlib
from collections.abc import Iterable

import attrs
from nacl.signing import SigningKey

from gossipfl.security.certificates import CLUSTER_ID_BYTES, Certificate, issue
from gossipfl.security.fields import check_size, check_whole
from gossipfl.security.revocations import RevocationList, sign_revocations
from gossipfl.security.signed import sign

SEED_BYTES = 32
VALID_DAYS_MAX = 36_500
_DAY_S = 86_400


def cluster_id_of(authority: bytes) -> bytes:
    """A cluster's 16-byte name: the start of the BLAKE2b hash of its authority's public key."""
    return hashlib.blake2b(authority).digest()[:CLUSTER_ID_BYTES]


@attrs.frozen
class Authority:
    """Signs for one cluster; the repr hides the key."""

    _signing_key: SigningKey = attrs.field(repr=False)

    @classmethod
    def create(cls) -> "Authority":
        """A new cluster's authority, from the operating system's randomness."""
        return cls(SigningKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> "Authority":
        """The authority that was stored before.  Raises ConfigError unless it is 32 bytes."""
        check_size("authority seed", seed, SEED_BYTES, SEED_BYTES)
        return cls(SigningKey(seed))

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes to store: whoever holds them owns the cluster."""
        return bytes(self._signing_key)

    @property
    def public(self) -> bytes:
        """The 32-byte Ed25519 public key, which every node knows."""
        return bytes(self._signing_key.verify_key)

    @property
    def cluster_id(self) -> bytes:
        """The cluster's 16-byte name."""
        return cluster_id_of(self.public)

    def admit(
        self,
        name: str,
        public_key: bytes,
        roles: Iterable[str],
        serial: int,
        now_s: float,
        valid_days: int,
    ) -> bytes:
        """A signed certificate, valid from now (Unix seconds) for so many days.

        Raises ConfigError when a field is outside the range that Certificate documents.
        """
        check_whole("valid_days", valid_days, 1, VALID_DAYS_MAX)
        certificate = Certificate(
            cluster_id=self.cluster_id,
            name=name,
            roles=tuple(sorted(set(roles))),
            public_key=public_key,
            serial=serial,
            not_before_s=int(now_s),
            not_after_s=int(now_s) + valid_days * _DAY_S,
        )
        return issue(self._signing_key, certificate)

    def revoke(self, current: RevocationList, *serials: int) -> bytes:
        """The signed list that follows `current` and revokes these serials too.

        With no serials it signs the next version unchanged, as a new cluster needs its first.
        """
        return sign_revocations(self._signing_key, current.adding(*serials))

    def sign(self, kind: str, body: bytes) -> bytes:
        """A signed envelope of another kind, such as the cluster manifest."""
        return sign(self._signing_key, kind, body)
