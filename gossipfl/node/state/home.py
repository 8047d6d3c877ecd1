"""The directory of one device: its key, its admission, its state, private to its user."""

import contextlib
import fcntl
import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from gossipfl.errors import StateError
from gossipfl.security.identity import DeviceKey

PRIVATE_DIRECTORY: Final = 0o700
PRIVATE_FILE: Final = 0o600
JOIN_FILE_BYTES_MAX: Final = 512 * 1024


class Home:
    """Paths and files of a state directory; made on first use."""

    def __init__(self, path: Path) -> None:
        """Raises StateError when the directory cannot be made or used, or is open to others."""
        self.path = path
        try:
            path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"cannot make {path}: {error.strerror}; choose another directory"
            ) from None
        refuse_open_to_others(path)
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise StateError(
                f"cannot write in {path}: check its owner, or choose another directory"
            )
        self._lock: int | None = None

    @property
    def database(self) -> Path:
        """SQLite file with model, links and journal."""
        return self.path / "state.db"

    @property
    def status_socket(self) -> Path:
        """Where a running node answers `gossipfl status`."""
        return self.path / "status.sock"

    @property
    def events(self) -> Path:
        """JSON lines, one an event."""
        return self.path / "events.jsonl"

    @property
    def admission(self) -> Path:
        """The join file, still sealed for this device's key."""
        return self.path / "admission.join"

    @property
    def revocations(self) -> Path:
        """The newest signed revocation list that reached us."""
        return self.path / "revocations"

    @property
    def release(self) -> Path:
        """Where the operator puts a release for this node to spread."""
        return self.path / "release"

    def device_key(self) -> DeviceKey:
        """This device's key, made here on first use; it never leaves."""
        path = self.path / "device.key"
        if not path.exists():
            write_private(path, DeviceKey.generate().secret)
        refuse_open_to_others(path)
        secret = read_bytes(path)
        if len(secret) != 32:
            raise StateError(
                f"{path} is damaged: put back a copy, or delete it and be admitted anew"
            )
        return DeviceKey.from_secret(secret)

    def take_admission(self, join_file: Path) -> None:
        """Keep a copy of the join file that the operator made for this device."""
        write_private(self.admission, read_bytes(join_file, JOIN_FILE_BYTES_MAX))

    def lock(self) -> None:
        """Claim the directory until this process ends.  Raises StateError when another has it."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        except OSError as error:
            raise StateError(f"cannot write in {self.path}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise StateError(_cannot_lock(self.path, error)) from None
        self._lock = descriptor

    def unlock(self) -> None:
        """Give up the claim, if there is one."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def free_bytes(self) -> int:
        """Space left on the directory's file system."""
        return shutil.disk_usage(self.path).free


def _cannot_lock(path: Path, error: OSError) -> str:
    if isinstance(error, BlockingIOError):
        return f"another gossipfl runs in {path}; stop it or choose another directory"
    return f"cannot lock {path / 'lock'}: {error.strerror}; choose a directory on a local disk"


def read_bytes(path: Path, limit_bytes: int = 64 * 1024) -> bytes:
    """A small file, whole.  Raises StateError, one line that names it."""
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise StateError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > limit_bytes:
        raise StateError(f"{path} is longer than {limit_bytes} bytes: not a file of ours")
    return data


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads; a crash leaves the old one or the new one."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write_synced(fresh, data)
        fresh.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise StateError(f"cannot write {path}: {error.strerror}") from None


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    """Without this, a power cut may bring the old name back: fatal for a key just printed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    with contextlib.suppress(OSError):  # some file systems cannot, and need not
        os.fsync(descriptor)
    os.close(descriptor)


def refuse_open_to_others(path: Path) -> None:
    """Raises StateError, which says what to do, unless only its owner may use `path`."""
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise StateError(f"cannot read {path}: {error.strerror}") from None
    if mode & 0o077:
        right = "700" if path.is_dir() else "600"
        raise StateError(f"{path} is open to other users: chmod {right} {path}")
