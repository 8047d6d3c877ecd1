"""The operator's side: a directory that can create a cluster, admit devices and revoke them."""

import json
import os
import time
from pathlib import Path
from typing import Final

from attrs import asdict, field, frozen

from gossipfl.errors import ConfigError, StateError
from gossipfl.manifest import KIND, Manifest, open_manifest
from gossipfl.node.home import Home, read_bytes, write_private
from gossipfl.security.admission import CLUSTER_KEY_BYTES, Admission, seal_for
from gossipfl.security.authority import Authority
from gossipfl.security.revocations import RevocationList, open_revocations

CLUSTERS: Final = Path("~/.gossipfl/clusters")
VALID_DAYS: Final = 3650


@frozen
class Member:
    """A device that was admitted."""

    name: str
    serial: int
    public_key: str
    roles: list[str] = field(factory=list)
    revoked: bool = False


class Operator:
    """Holds the authority key; whoever can read this directory owns the cluster."""

    def __init__(self, path: Path) -> None:
        """Open an existing cluster directory.  Raises StateError when it is none."""
        if not (path / "authority.key").exists():
            raise StateError(f"{path} holds no cluster: make one with `gossipfl cluster create`")
        self.path = path
        self._authority = Authority.from_seed(read_bytes(path / "authority.key"))
        self._cluster_key = read_bytes(path / "cluster.key")

    @classmethod
    def create(cls, path: Path, manifest: Manifest) -> "Operator":
        """A new cluster.  Raises ConfigError when the directory holds one already."""
        if (path / "authority.key").exists():
            raise ConfigError(f"{path} holds a cluster already; choose another name")
        Home(path)  # makes the directory, for its owner only
        authority = Authority.create()
        write_private(path / "cluster.key", os.urandom(CLUSTER_KEY_BYTES))
        write_private(path / "manifest", authority.sign(KIND, manifest.body))
        write_private(path / "revocations", authority.revoke(RevocationList()))
        write_private(path / "members.json", b"[]")
        write_private(path / "authority.key", authority.seed)
        return cls(path)

    @property
    def manifest(self) -> Manifest:
        """What the cluster agreed on."""
        return open_manifest(read_bytes(self.path / "manifest", 128 * 1024), self._authority.public)

    @property
    def members(self) -> list[Member]:
        """Every device ever admitted, by serial number."""
        try:
            rows = json.loads(read_bytes(self.path / "members.json", 16 * 1024 * 1024))
            return [Member(**row) for row in rows]
        except (ValueError, TypeError):
            raise StateError(f"{self.path / 'members.json'} is damaged: restore a copy") from None

    @property
    def cluster_id(self) -> bytes:
        """16 bytes."""
        return self._authority.cluster_id

    def admit(
        self, name: str, public_key: bytes, roles: tuple[str, ...], valid_days: int = VALID_DAYS
    ) -> bytes:
        """A join file for one device.  Raises ConfigError when the name is taken."""
        members = self.members
        if any(member.name == name and not member.revoked for member in members):
            raise ConfigError(f"{name} is admitted already: revoke it first, or choose another name")
        serial = 1 + max((member.serial for member in members), default=0)
        certificate = self._authority.admit(
            name, public_key, roles, serial, time.time(), valid_days
        )
        bundle = Admission(
            authority=self._authority.public,
            cluster_key=self._cluster_key,
            certificate=certificate,
            manifest=read_bytes(self.path / "manifest", 128 * 1024),
            revocations=read_bytes(self.path / "revocations", 128 * 1024),
        )
        join_file = seal_for(public_key, bundle)
        self._write_members([*members, Member(name, serial, public_key.hex(), list(roles))])
        return join_file

    def revoke(self, name: str) -> bytes:
        """The signed list that shuts the device out.  Raises ConfigError when there is none."""
        members = self.members
        found = [member for member in members if member.name == name and not member.revoked]
        if not found:
            raise ConfigError(f"no device named {name} is admitted; see `gossipfl cluster show`")
        path = self.path / "revocations"
        blob = read_bytes(path, 128 * 1024)
        current = open_revocations(blob, authority=self._authority.public)
        signed = self._authority.revoke(current, found[0].serial)
        write_private(path, signed)
        kept = [member for member in members if member is not found[0]]
        gone = Member(**{**asdict(found[0]), "revoked": True})
        self._write_members(sorted([*kept, gone], key=lambda member: member.serial))
        return signed

    def _write_members(self, members: list[Member]) -> None:
        rows = [asdict(member) for member in members]
        write_private(self.path / "members.json", json.dumps(rows, indent=1).encode())


def find_cluster(name: str | None) -> Path:
    """The directory of the named cluster, or of the only one.  Raises ConfigError."""
    if name is not None:
        path = Path(name).expanduser()
        return path if len(path.parts) > 1 else CLUSTERS.expanduser() / name
    known = sorted(CLUSTERS.expanduser().glob("*/authority.key"))
    if len(known) != 1:
        names = ", ".join(key.parent.name for key in known) or "none"
        raise ConfigError(f"say which cluster with --cluster (known here: {names})")
    return known[0].parent
