"""Which certificates no longer count: a numbered list, signed whole, passed from peer to peer."""

import attrs
from nacl.signing import SigningKey

from gossipfl.errors import ConfigError
from gossipfl.security.fields import check_whole, pack, unpack, whole
from gossipfl.security.signed import open_signed, sign

SERIALS_MAX = 10_000
SERIAL_MAX = 2**32 - 1
VERSION_MAX = 2**32 - 1
KIND = "revocations"


def _check_serials(
    instance: object, attribute: "attrs.Attribute[frozenset[int]]", value: frozenset[int]
) -> None:
    if len(value) > SERIALS_MAX:
        raise ConfigError(f"at most {SERIALS_MAX} revoked serials: drop those that have expired")
    for serial in value:
        check_whole("revoked serial", serial, 1, SERIAL_MAX)


@attrs.frozen
class RevocationList:
    """Revoked serial numbers; a higher version replaces a lower one."""

    version: int = attrs.field(default=0, validator=whole(0, VERSION_MAX))
    serials: frozenset[int] = attrs.field(default=frozenset(), validator=_check_serials)

    def adding(self, *serials: int) -> "RevocationList":
        """The next version, which revokes these too.  Raises ConfigError when it is full."""
        return RevocationList(self.version + 1, self.serials.union(serials))


def newest(a: RevocationList, b: RevocationList) -> RevocationList:
    """The list to keep: never an older version.

    Two lists of one version mean that the authority was restored from a backup.  Every peer then
    settles on the same one, and rather on the one that revokes more.
    """
    return max(a, b, key=lambda each: (each.version, len(each.serials), sorted(each.serials)))


def sign_revocations(signing_key: SigningKey, revocations: RevocationList) -> bytes:
    """The signed list, at most 5 bytes a serial and 80 more."""
    body = pack(revocations.version, sorted(revocations.serials))
    return sign(signing_key, KIND, body)


def open_revocations(blob: bytes, *, authority: bytes) -> RevocationList:
    """The list in a blob.  Raises Untrusted unless the authority signed it and it is valid."""
    body = open_signed(blob, kind=KIND, authority=authority)
    return unpack("revocation list", body, _from_fields, ("version", "serials"))


def _from_fields(version: int, serials: tuple[int, ...]) -> RevocationList:
    if not isinstance(serials, tuple):
        raise ConfigError("serials must be an array")
    for serial in serials:
        check_whole("revoked serial", serial, 1, SERIAL_MAX)
    if list(serials) != sorted(set(serials)):
        raise ConfigError("serials must ascend")
    return RevocationList(version, frozenset(serials))
