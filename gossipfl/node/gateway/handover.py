"""A device moves to another gateway: all that its place holds, sealed for that gateway.

Two gateways with one device's counters could answer one question twice under one nonce, so the
place is given up here before its contents leave, and a file of luggage is taken in only once.
"""

import hashlib
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Final

import attrs
from nacl.bindings import crypto_box_SEALBYTES
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from gossipfl.devices.keyring import decode_keyring
from gossipfl.errors import ConfigError, StateError, Untrusted
from gossipfl.node.gateway.register import KEYRING_BYTES_MAX, Place, Register
from gossipfl.node.state.home import Home, read_bytes, write_private
from gossipfl.security.admission import JOIN_FILE_MAX
from gossipfl.security.fields import check_size, pack, sized, unpack
from gossipfl.security.identity import KEY_BYTES, DeviceKey
from gossipfl.security.signed import SIGNED_MAX

MAGIC: Final = b"GFLMOVE1"
DATABASE_MAX: Final = 64 * 1024 * 1024
LUGGAGE_MAX: Final = DATABASE_MAX + JOIN_FILE_MAX + SIGNED_MAX + 4096
NAME_MAX: Final = 63
PATIENCE_S: Final = 20.0
PAUSE_S: Final = 0.2


@attrs.frozen(kw_only=True)
class Luggage:
    """What moves; each part is a file of the place, empty where there is none."""

    name: bytes = attrs.field(validator=sized(1, NAME_MAX))
    secret: bytes = attrs.field(validator=sized(KEY_BYTES, KEY_BYTES), repr=False)
    enrolment: bytes = attrs.field(validator=sized(1, KEYRING_BYTES_MAX), repr=False)
    admission: bytes = attrs.field(validator=sized(0, JOIN_FILE_MAX), repr=False)
    revocations: bytes = attrs.field(validator=sized(0, SIGNED_MAX), repr=False)
    database: bytes = attrs.field(validator=sized(0, DATABASE_MAX), repr=False)


_FIELDS: Final = tuple(field.name for field in attrs.fields(Luggage))


def hand_over(place: Place, to: bytes, output: Path) -> None:
    """Write the luggage for the gateway with this key, and give the place up.

    Raises StateError, and may be called again, when something of it cannot be done.
    """
    check_size("gateway key", to, KEY_BYTES, KEY_BYTES)
    place.leave()
    _wait_for(place)
    body = pack(*attrs.astuple(_pack(place), recurse=False))
    write_private(output, MAGIC + SealedBox(PublicKey(to)).encrypt(body))
    # First out of the register: what is half removed might look like a place again.
    shutil.rmtree(place.home.path.rename(place.home.path.with_name(f".{place.name}.left")))


def _wait_for(place: Place) -> None:
    """Until the gateway that runs here has let go of the device."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            place.home.lock()
            return
        except StateError:
            if time.monotonic() > deadline_s:
                raise
        time.sleep(PAUSE_S)


def _pack(place: Place) -> Luggage:
    home = place.home
    if home.database.exists():
        _fold(home.database)
    return Luggage(
        name=place.name.encode(),
        secret=home.device_key().secret,
        enrolment=place.enrolment().encode(),
        admission=_read(home.admission, JOIN_FILE_MAX),
        revocations=_read(home.revocations, SIGNED_MAX),
        database=_read(home.database, DATABASE_MAX),
    )


def _fold(database: Path) -> None:
    """The write-ahead log, which a crash leaves beside the file, into the file."""
    try:
        with sqlite3.connect(database) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
    except sqlite3.Error as error:
        raise StateError(f"cannot read {database}: {error}") from None


def _read(path: Path, limit_bytes: int) -> bytes:
    return read_bytes(path, limit_bytes) if path.exists() else b""


def take_over(register: Register, luggage: Path) -> Place:
    """A place for a device that comes from another gateway.

    Raises ConfigError when it has been here with this luggage or has a place, Untrusted when the
    file is for another gateway or damaged.
    """
    sealed = read_bytes(luggage, LUGGAGE_MAX)
    found = _open(register.key(), sealed)
    path = register.path(found.name.decode("ascii", "replace"))
    digest = hashlib.blake2b(sealed, digest_size=16).hexdigest()
    taken = Home(register.home.path / "taken").path / digest
    if path.exists() or taken.exists():
        raise ConfigError(
            f"{path.name} has been taken over already: its luggage would set its counters back"
        )
    _unpack(found, path.with_name(f".{path.name}"))
    path.with_name(f".{path.name}").rename(path)
    write_private(taken, b"")
    return Place(path)


def _open(key: DeviceKey, sealed: bytes) -> Luggage:
    if not sealed.startswith(MAGIC) or len(sealed) < len(MAGIC) + crypto_box_SEALBYTES:
        raise ConfigError("this is no device's luggage: `gossipfl gateway hand-over` writes it")
    try:
        body = SealedBox(PrivateKey(key.secret)).decrypt(sealed[len(MAGIC) :])
    except CryptoError:
        raise Untrusted(
            "the luggage is sealed for another gateway, or damaged: hand over to the key that "
            "`gossipfl gateway key` prints here"
        ) from None
    found = unpack("luggage", body, Luggage, _FIELDS)
    try:
        decode_keyring(found.enrolment)
    except StateError as error:
        raise Untrusted(f"the luggage is damaged: {error}") from None
    return found


def _unpack(found: Luggage, path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)  # of an attempt that was broken off
    home = Home(path)
    write_private(path / "device.key", found.secret)
    write_private(path / "enrolment", found.enrolment)
    for file, content in (
        (home.admission, found.admission),
        (home.revocations, found.revocations),
        (home.database, found.database),
    ):
        if content:
            write_private(file, content)
