"""The operator's side: a directory that can create a cluster, admit devices and revoke them."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import asdict, evolve, field, frozen
from attrs.validators import deep_iterable, instance_of

from gossipfl.agreement import Agreement
from gossipfl.errors import ConfigError, StateError
from gossipfl.manifest import KIND, open_manifest
from gossipfl.node.state.home import Home, read_bytes, refuse_open_to_others, write_private
from gossipfl.releases.envelope import FILE_MAX, decode_file, encode_file
from gossipfl.releases.release import Release, open_release, sign_release
from gossipfl.security.admission import CLUSTER_KEY_BYTES, Admission, seal_for
from gossipfl.security.authority import Authority
from gossipfl.security.revocations import RevocationList, open_revocations
from gossipfl.wire.releases import MODEL, SETTINGS

CLUSTERS: Final = Path("~/.gossipfl/clusters")
VALID_DAYS: Final = 3650
SIGNED_BYTES_MAX: Final = 128 * 1024
MEMBERS_BYTES_MAX: Final = 16 * 1024 * 1024
SECRET_BYTES: Final = 32
# Files that hold the newest release of each subject.
RELEASES: Final = {MODEL: "release", SETTINGS: "settings-release"}


@frozen
class Member:
    """A device that was admitted."""

    name: str = field(validator=instance_of(str))
    serial: int = field(validator=instance_of(int))
    public_key: str = field(validator=instance_of(str))
    roles: list[str] = field(validator=deep_iterable(instance_of(str), instance_of(list)))
    revoked: bool = field(default=False, validator=instance_of(bool))


class Operator:
    """Holds the authority key; whoever can read this directory owns the cluster."""

    def __init__(self, path: Path) -> None:
        """Open an existing cluster directory.  Raises StateError when it is none."""
        if not (path / "authority.key").exists():
            raise StateError(f"{path} holds no cluster: make one with `gossipfl cluster create`")
        refuse_open_to_others(path)
        self.path = path
        self._authority = Authority.from_seed(self._secret("authority.key"))
        self._cluster_key = self._secret("cluster.key")

    @classmethod
    def create(cls, path: Path, manifest: Agreement) -> "Operator":
        """A new cluster.  Raises ConfigError when the directory holds one already."""
        if (path / "authority.key").exists():
            raise ConfigError(f"{path} holds a cluster already; choose another name")
        Home(path)  # makes the directory, for its owner only
        authority = Authority.create()
        write_private(path / "cluster.key", os.urandom(CLUSTER_KEY_BYTES))
        write_private(path / "manifest", authority.sign(KIND, manifest.body))
        write_private(path / "revocations", authority.revoke(RevocationList()))
        write_private(path / "members.json", b'{"members": []}')
        write_private(path / "authority.key", authority.seed)
        return cls(path)

    @property
    def manifest(self) -> Agreement:
        """What the cluster agreed on."""
        signed = read_bytes(self.path / "manifest", SIGNED_BYTES_MAX)
        return open_manifest(signed, self._authority.public)

    @property
    def members(self) -> list[Member]:
        """Every device ever admitted, by serial number."""
        path = self.path / "members.json"
        try:
            (*rows,) = json.loads(read_bytes(path, MEMBERS_BYTES_MAX))["members"]
            return [Member(**row) for row in rows]
        except (ValueError, TypeError, KeyError):
            raise StateError(f"{path} is damaged: restore a copy") from None

    @property
    def cluster_id(self) -> bytes:
        """16 bytes."""
        return self._authority.cluster_id

    def admit(
        self, name: str, public_key: bytes, roles: tuple[str, ...], valid_days: int = VALID_DAYS
    ) -> bytes:
        """A join file for one device.

        Admitting a member again, with its name and key as they are, renews its certificate under
        the same serial number, so that one revocation ends both.  Raises ConfigError when another
        device has the name, or the device another name: revoking one must shut the device out.
        """
        with self._locked():
            members = self.members
            known = _same_device(members, name, public_key.hex())
            serial = known.serial if known else 1 + max((m.serial for m in members), default=0)
            certificate = self._authority.admit(
                name, public_key, roles, serial, time.time(), valid_days
            )
            join_file = seal_for(public_key, self._admission(certificate))
            member = Member(name, serial, public_key.hex(), list(roles))
            self._write_members([*(m for m in members if m is not known), member])
        return join_file

    def revoke(self, name: str) -> bytes:
        """The signed list that shuts the device out.  Raises ConfigError when there is none."""
        path = self.path / "revocations"
        with self._locked():
            members = self.members
            member = _to_revoke(members, name, path)
            signed_before = read_bytes(path, SIGNED_BYTES_MAX)
            current = open_revocations(signed_before, authority=self._authority.public)
            signed = self._authority.revoke(current, member.serial)
            write_private(path, signed)
            kept = [each for each in members if each is not member]
            self._write_members([*kept, evolve(member, revoked=True)])
        return signed

    def newest_release(self, subject: int = MODEL) -> Release | None:
        """What was released last of this subject."""
        path = self.path / RELEASES[subject]
        if not path.exists():
            return None
        signed, _ = decode_file(read_bytes(path, FILE_MAX))
        return open_release(signed, self._authority.public)

    def release(
        self, subject: int, compose: Callable[[Release | None], tuple[Release, bytes]]
    ) -> bytes:
        """The file of the next release; compose: makes it and its model, from the one before.

        subject: of both.
        """
        with self._locked():
            release, content = compose(self.newest_release(subject))
            file = encode_file(sign_release(self._authority, release), content)
            write_private(self.path / RELEASES[subject], file)
        return file

    def _admission(self, certificate: bytes) -> Admission:
        return Admission(
            authority=self._authority.public,
            cluster_key=self._cluster_key,
            certificate=certificate,
            manifest=read_bytes(self.path / "manifest", SIGNED_BYTES_MAX),
            revocations=read_bytes(self.path / "revocations", SIGNED_BYTES_MAX),
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Two admissions at once would give one serial number to two devices."""
        home = Home(self.path)
        home.lock()
        try:
            yield
        finally:
            home.unlock()

    def _secret(self, name: str) -> bytes:
        path = self.path / name
        refuse_open_to_others(path)
        secret = read_bytes(path)
        if len(secret) != SECRET_BYTES:
            raise StateError(f"{path} is damaged: restore a copy of {self.path}")
        return secret

    def _write_members(self, members: list[Member]) -> None:
        rows = [asdict(member) for member in sorted(members, key=lambda member: member.serial)]
        content = json.dumps({"members": rows}, indent=1)
        write_private(self.path / "members.json", content.encode())


def _same_device(members: list[Member], name: str, public_key: str) -> Member | None:
    """The member that this admission renews, if any."""
    for member in members:
        if member.revoked:
            continue
        if (member.name, member.public_key) == (name, public_key):
            return member
        if member.name == name:
            raise ConfigError(
                f"{name} is admitted already with another key: revoke it first, or choose another "
                "name"
            )
        if member.public_key == public_key:
            raise ConfigError(f"this device is admitted already as {member.name}: revoke it first")
    return None


def _to_revoke(members: list[Member], name: str, path: Path) -> Member:
    found = [member for member in members if member.name == name]
    for member in found:
        if not member.revoked:
            return member
    if found:
        raise ConfigError(f"{name} is revoked already: the list to copy is {path}")
    raise ConfigError(f"no device named {name} is admitted; see `gossipfl cluster show`")


def find_cluster(name: str | None) -> Path:
    """The directory of the named cluster, or of the only one.  Raises ConfigError."""
    if name is not None:
        is_path = os.sep in name or name.startswith("~")
        return Path(name).expanduser() if is_path else CLUSTERS.expanduser() / name
    known = sorted(CLUSTERS.expanduser().glob("*/authority.key"))
    if len(known) != 1:
        names = ", ".join(key.parent.name for key in known) or "none"
        raise ConfigError(f"say which cluster with --cluster (known here: {names})")
    return known[0].parent
