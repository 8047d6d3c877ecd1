"""What a node remembers, in one SQLite file that survives a crash at any instant.

An exchange costs one small journal row, written before its answer leaves.  The model is written
whole every few seconds, the anchors rarely; each says up to which journal row it is complete, and
loading replays the rows that follow.  Write-ahead logging without a sync per commit keeps flash
cards alive: a killed process loses nothing, a power cut may lose the newest rows, and then the
link seeds itself anew.
"""

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgpack
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.errors import StateError
from gossipfl.gossip.link import Applied, LinkState, Offered, Planted, Record, Side

SCHEMA_VERSION: Final = 1
_KINDS: Final[tuple[type[Record], ...]] = (Offered, Applied, Planted)
_CHECKSUM_BYTES: Final = 16
# What reading a damaged row raises, past SQLite's own errors.
_UNREADABLE: Final = (ValueError, TypeError, msgpack.UnpackException)
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS journal(id INTEGER PRIMARY KEY, peer BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS model(id INTEGER PRIMARY KEY CHECK (id = 1),
                                 position INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS links(peer BLOB PRIMARY KEY,
                                 position INTEGER NOT NULL, body BLOB NOT NULL);
"""


@frozen
class Row:
    """One journal row: something that happened on the link to `peer` (public key)."""

    position: int
    peer: bytes
    record: Record


@frozen
class ModelCheckpoint:
    """The whole model as of journal row `position`.

    vectors: parameters, control variate and average, float32[3, d].
    """

    position: int
    vectors: NDArray[np.float32]
    rounds: int
    phi: float
    gain: float
    trainer: bytes
    moments: tuple[bytes, ...]


@frozen
class LinksCheckpoint:
    """Every link as of journal row `position`; older rows are no longer needed for links."""

    position: int
    links: dict[bytes, LinkState]


Item = Row | ModelCheckpoint | LinksCheckpoint


@frozen
class Saved:
    """Everything that was stored."""

    model: ModelCheckpoint | None
    links: dict[bytes, tuple[int, LinkState]]
    rows: list[Row]


class Store:
    """The open file.  Not for two threads at once; every method blocks."""

    def __init__(self, path: Path, manifest_id: bytes) -> None:
        """Open or create.  Raises StateError when it is another cluster's or not writable."""
        self._path = path
        self._manifest_id = manifest_id
        self._db = _connect(path)
        try:
            self._claim()
        except sqlite3.Error as error:
            self._db.close()
            raise _failure(path, error) from None
        except StateError:
            self._db.close()
            raise

    def load(self) -> Saved:
        """All that was stored.  Raises Damaged when it cannot be trusted."""
        try:
            self._links_position()
            return Saved(self._load_model(), self._load_links(), self._load_rows())
        except (sqlite3.DatabaseError, *_UNREADABLE) as error:
            raise Damaged(f"{self._path}: {error}") from None

    def write(self, items: Sequence[Item]) -> None:
        """Store all items in one transaction.  Raises StateError and stores none on failure."""
        try:
            with self._db:
                for item in items:
                    self._write_one(item)
                model = self._load_model() if any(map(_is_links, items)) else None
            if model is not None:
                _write_backup(self._path, self._manifest_id, model)
        except (sqlite3.Error, OSError, *_UNREADABLE) as error:
            raise StateError(f"cannot write {self._path}: {error}; free some space") from None

    def close(self) -> None:
        """Fold the write-ahead log into the file."""
        self._db.close()

    def _claim(self) -> None:
        with self._db:
            self._check_version()
            self._db.executescript(_TABLES)
            self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            owner = _sealed(msgpack.packb(self._manifest_id))
            self._db.execute("INSERT OR IGNORE INTO meta VALUES('manifest', ?)", (owner,))
        (found,) = self._db.execute("SELECT value FROM meta WHERE key='manifest'").fetchone()
        try:
            mine = _unseal(found) == self._manifest_id
        except _UNREADABLE as error:
            raise Damaged(f"{self._path}: {error}") from None
        if not mine:
            raise StateError(
                f"{self._path} holds a model of another manifest; "
                f"give this cluster a state directory of its own (--state)"
            )

    def _check_version(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, SCHEMA_VERSION):
            raise StateError(
                f"{self._path} was written by another version of gossipfl; "
                f"install that one, or choose another --state"
            )

    def _write_one(self, item: Item) -> None:
        if isinstance(item, Row):
            row = (item.position, item.peer, _encode_row(item))
            self._db.execute("INSERT OR REPLACE INTO journal VALUES(?,?,?)", row)
        elif isinstance(item, ModelCheckpoint):
            model = (item.position, _encode_model(item, item.position))
            self._db.execute("INSERT OR REPLACE INTO model VALUES(1,?,?)", model)
        else:
            self._write_links(item)
        if not isinstance(item, Row):
            self._forget_old_rows()

    def _write_links(self, item: LinksCheckpoint) -> None:
        self._db.execute("DELETE FROM links")
        rows = [
            (peer, item.position, _encode_link(link, peer, item.position))
            for peer, link in item.links.items()
        ]
        self._db.executemany("INSERT INTO links VALUES(?,?,?)", rows)
        position = _sealed(msgpack.packb(item.position))
        self._db.execute("INSERT OR REPLACE INTO meta VALUES('links', ?)", (position,))

    def _forget_old_rows(self) -> None:
        """Rows that both the model and the links contain are history."""
        (model,) = self._db.execute("SELECT coalesce(max(position), 0) FROM model").fetchone()
        needed = min(model, self._links_position())
        self._db.execute("DELETE FROM journal WHERE id <= ?", (needed,))

    def _links_position(self) -> int:
        found = self._db.execute("SELECT value FROM meta WHERE key='links'").fetchone()
        return int(_unseal(found[0])) if found else 0

    def _load_model(self) -> ModelCheckpoint | None:
        found = self._db.execute("SELECT position, body FROM model").fetchone()
        return _decode_model(found[0], found[1], found[0]) if found else None

    def _load_links(self) -> dict[bytes, tuple[int, LinkState]]:
        rows = self._db.execute("SELECT peer, position, body FROM links ORDER BY peer")
        return {
            peer: (position, _decode_link(body, peer, position)) for peer, position, body in rows
        }

    def _load_rows(self) -> list[Row]:
        rows = self._db.execute("SELECT id, peer, body FROM journal ORDER BY id")
        return [_decode_row(*row) for row in rows]


class Damaged(StateError):
    """The state file cannot be trusted."""


def open_store(path: Path, manifest_id: bytes) -> tuple[Store, Saved, str | None]:
    """Open and load; a damaged file is set aside and a fresh one begun from the model's backup.

    Returns (store, what it held, None or where the damaged file went).
    """
    aside = None
    try:
        store, saved = _open_and_load(path, manifest_id)
    except Damaged:
        aside = _set_aside(path)
        store, saved = _open_and_load(path, manifest_id)
    # Not only now: we may have crashed right after setting a damaged file aside.
    if saved.model is None and not saved.rows:
        _restore(store, _read_backup(path, manifest_id))
        saved = store.load()
    return store, saved, aside


def _restore(store: Store, backup: ModelCheckpoint | None) -> None:
    try:
        store.write([backup] if backup else [])
    except StateError:
        store.close()
        raise


def _open_and_load(path: Path, manifest_id: bytes) -> tuple[Store, Saved]:
    store = Store(path, manifest_id)
    try:
        return store, store.load()
    except Damaged:
        store.close()
        raise


def _connect(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, check_same_thread=False)
    except sqlite3.Error as error:
        raise _failure(path, error) from None
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        sound = db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.Error as error:
        db.close()
        raise _failure(path, error) from None
    if not sound:
        db.close()
        raise Damaged(f"{path} is damaged")
    return db


def _failure(path: Path, error: sqlite3.Error) -> StateError:
    """What an error on opening means: a plain OperationalError is damage to the tables' names."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
        return StateError(f"cannot use {path}: {error}; check its permissions and free space")
    return Damaged(f"{path}: {error}")


def _set_aside(path: Path) -> str:
    aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    try:
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise StateError(f"cannot set {path} aside: {error.strerror}; delete it") from None
    return str(aside)


def _is_links(item: Item) -> bool:
    return isinstance(item, LinksCheckpoint)


def _backup_path(path: Path) -> Path:
    return path.with_name(path.name + ".backup")


def _write_backup(path: Path, manifest_id: bytes, model: ModelCheckpoint) -> None:
    fresh = path.with_name(path.name + ".backup.new")
    fresh.write_bytes(_encode_model(model, manifest_id))
    fresh.replace(_backup_path(path))


def _read_backup(path: Path, manifest_id: bytes) -> ModelCheckpoint | None:
    try:
        return _decode_model(0, _backup_path(path).read_bytes(), manifest_id)
    except (OSError, *_UNREADABLE):
        return None


def _sealed(body: bytes, *about: object) -> bytes:
    """`body` behind a checksum, which covers what is stored beside it as well."""
    return _checksum(body, about) + body


def _unseal(blob: bytes, *about: object) -> Any:
    if _checksum(blob[_CHECKSUM_BYTES:], about) != blob[:_CHECKSUM_BYTES]:
        raise ValueError("a stored checksum does not match")
    return msgpack.unpackb(blob[_CHECKSUM_BYTES:], use_list=False)


def _checksum(body: bytes, about: tuple[object, ...]) -> bytes:
    return hashlib.blake2b(msgpack.packb(about) + body, digest_size=_CHECKSUM_BYTES).digest()


def _floats(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, "<f4").copy()


def _encode_model(item: ModelCheckpoint, *about: object) -> bytes:
    vectors = item.vectors.astype("<f4").tobytes()
    rest = (item.rounds, item.phi, item.gain, item.trainer, item.moments)
    return _sealed(msgpack.packb((vectors, *rest)), *about)


def _decode_model(position: int, blob: bytes, *about: object) -> ModelCheckpoint:
    vectors, *rest = _unseal(blob, *about)
    return ModelCheckpoint(position, _floats(vectors).reshape(3, -1), *rest)


def _encode_side(side: Side) -> tuple[int, int, bytes]:
    return (side.samples, side.activity, side.payload)


def _record_fields(record: Record) -> tuple[Any, ...]:
    if isinstance(record, Planted):
        return (record.payload,)
    sides: Iterable[Side] = (record.ours,)
    if isinstance(record, Applied):
        sides = (record.ours, record.theirs)
    return (record.sequence, *map(_encode_side, sides))


def _encode_row(row: Row) -> bytes:
    fields = (_KINDS.index(type(row.record)), *_record_fields(row.record))
    return _sealed(msgpack.packb(fields), row.position, row.peer)


def _decode_row(position: int, peer: bytes, blob: bytes) -> Row:
    return Row(position, peer, _build_record(*_unseal(blob, position, peer)))


def _build_record(kind: int, first: Any, *sides: Any) -> Record:
    if _KINDS[kind] is Planted:
        return Planted(first)
    if _KINDS[kind] is Offered:
        return Offered(first, Side(*sides[0]))
    return Applied(first, Side(*sides[0]), Side(*sides[1]))


def _encode_link(link: LinkState, *about: object) -> bytes:
    pending = _encode_side(link.pending) if link.pending else None
    last = _record_fields(link.last) if link.last else None
    marks = (link.sequence, link.digest, link.before, link.base)
    anchor = link.anchor.astype("<f4").tobytes()
    return _sealed(msgpack.packb((anchor, *marks, pending, last, link.seed)), *about)


def _decode_link(blob: bytes, *about: object) -> LinkState:
    anchor, sequence, digest, before, base, pending, last, seed = _unseal(blob, *about)
    link = LinkState(_floats(anchor), sequence, digest, before, base, seed=seed)
    link.pending = Side(*pending) if pending else None
    if last:
        link.last = Applied(last[0], Side(*last[1]), Side(*last[2]))
    return link
