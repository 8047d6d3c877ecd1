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
        self._db = _connect(path)
        try:
            self._claim(manifest_id)
        except sqlite3.OperationalError as error:
            self._db.close()
            raise _unusable(path, error) from None
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise Damaged(f"{path}: {error}") from None
        except StateError:
            self._db.close()
            raise

    def load(self) -> Saved:
        """All that was stored.  Raises Damaged when it cannot be trusted."""
        try:
            return Saved(self._load_model(), self._load_links(), self._load_rows())
        except (sqlite3.DatabaseError, ValueError, TypeError, msgpack.UnpackException) as error:
            raise Damaged(f"{self._path}: {error}") from None

    def write(self, items: Sequence[Item]) -> None:
        """Store all items in one transaction.  Raises StateError and stores none on failure."""
        try:
            with self._db:
                for item in items:
                    self._write_one(item)
                backup = self._model_body() if any(map(_is_links, items)) else None
            if backup is not None:
                _write_backup(self._path, backup)
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"cannot write {self._path}: {error}; free some space") from None

    def close(self) -> None:
        """Fold the write-ahead log into the file."""
        self._db.close()

    def _claim(self, manifest_id: bytes) -> None:
        with self._db:
            self._db.executescript(_TABLES)
            self._db.execute("INSERT OR IGNORE INTO meta VALUES('manifest', ?)", (manifest_id,))
        (owner,) = self._db.execute("SELECT value FROM meta WHERE key='manifest'").fetchone()
        if owner != manifest_id:
            raise StateError(
                f"{self._path} holds a model of another manifest; "
                f"give this cluster a state directory of its own (--state)"
            )

    def _write_one(self, item: Item) -> None:
        if isinstance(item, Row):
            body = _encode_record(item.record)
            self._db.execute(
                "INSERT OR REPLACE INTO journal VALUES(?,?,?)", (item.position, item.peer, body)
            )
        elif isinstance(item, ModelCheckpoint):
            row = (item.position, _encode_model(item))
            self._db.execute("INSERT OR REPLACE INTO model VALUES(1,?,?)", row)
        else:
            self._write_links(item)
        if not isinstance(item, Row):
            self._forget_old_rows()

    def _write_links(self, item: LinksCheckpoint) -> None:
        self._db.execute("DELETE FROM links")
        rows = [(peer, item.position, _encode_link(link)) for peer, link in item.links.items()]
        self._db.executemany("INSERT INTO links VALUES(?,?,?)", rows)
        self._db.execute(
            "INSERT OR REPLACE INTO meta VALUES('links', ?)", (msgpack.packb(item.position),)
        )

    def _forget_old_rows(self) -> None:
        """Rows that both the model and the links contain are history."""
        (model,) = self._db.execute("SELECT coalesce(max(position), 0) FROM model").fetchone()
        needed = min(model, self._links_position())
        self._db.execute("DELETE FROM journal WHERE id <= ?", (needed,))

    def _links_position(self) -> int:
        found = self._db.execute("SELECT value FROM meta WHERE key='links'").fetchone()
        return int(msgpack.unpackb(found[0])) if found else 0

    def _model_body(self) -> bytes | None:
        found = self._db.execute("SELECT body FROM model").fetchone()
        return found[0] if found else None

    def _load_model(self) -> ModelCheckpoint | None:
        found = self._db.execute("SELECT position, body FROM model").fetchone()
        return _decode_model(*found) if found else None

    def _load_links(self) -> dict[bytes, tuple[int, LinkState]]:
        rows = self._db.execute("SELECT peer, position, body FROM links ORDER BY peer")
        return {peer: (position, _decode_link(body)) for peer, position, body in rows}

    def _load_rows(self) -> list[Row]:
        rows = self._db.execute("SELECT id, peer, body FROM journal ORDER BY id")
        return [Row(position, peer, _decode_record(body)) for position, peer, body in rows]


class Damaged(StateError):
    """The state file cannot be trusted."""


def open_store(path: Path, manifest_id: bytes) -> tuple[Store, Saved, str | None]:
    """Open and load; a damaged file is set aside and a fresh one begun from the model's backup.

    Returns (store, what it held, None or where the damaged file went).
    """
    try:
        store = Store(path, manifest_id)
        try:
            return store, store.load(), None
        except Damaged:
            store.close()
    except Damaged:
        pass
    aside = _set_aside(path)
    store = Store(path, manifest_id)
    return store, Saved(_read_backup(path), {}, []), aside


def _connect(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, check_same_thread=False)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise Damaged(f"{path} is damaged")
    except sqlite3.OperationalError as error:
        raise _unusable(path, error) from None
    except sqlite3.DatabaseError as error:
        raise Damaged(f"{path}: {error}") from None
    return db


def _unusable(path: Path, error: sqlite3.Error) -> StateError:
    return StateError(f"cannot use {path}: {error}; check its permissions and free space")


def _set_aside(path: Path) -> str:
    aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return str(aside)


def _is_links(item: Item) -> bool:
    return isinstance(item, LinksCheckpoint)


def _backup_path(path: Path) -> Path:
    return path.with_name(path.name + ".backup")


def _write_backup(path: Path, body: bytes) -> None:
    fresh = path.with_name(path.name + ".backup.new")
    fresh.write_bytes(body)
    fresh.replace(_backup_path(path))


def _read_backup(path: Path) -> ModelCheckpoint | None:
    try:
        return _decode_model(0, _backup_path(path).read_bytes())
    except (OSError, ValueError, TypeError, msgpack.UnpackException):
        return None


def _sealed(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest() + body


def _unseal(blob: bytes) -> Any:
    if hashlib.blake2b(blob[16:], digest_size=16).digest() != blob[:16]:
        raise ValueError("a stored checksum does not match")
    return msgpack.unpackb(blob[16:], use_list=False)


def _floats(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, "<f4").copy()


def _encode_model(item: ModelCheckpoint) -> bytes:
    vectors = item.vectors.astype("<f4").tobytes()
    rest = (item.rounds, item.phi, item.gain, item.trainer, item.moments)
    return _sealed(msgpack.packb((vectors, *rest)))


def _decode_model(position: int, blob: bytes) -> ModelCheckpoint:
    vectors, *rest = _unseal(blob)
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


def _encode_record(record: Record) -> bytes:
    return _sealed(msgpack.packb((_KINDS.index(type(record)), *_record_fields(record))))


def _decode_record(blob: bytes) -> Record:
    return _build_record(*_unseal(blob))


def _build_record(kind: int, first: Any, *sides: Any) -> Record:
    if _KINDS[kind] is Planted:
        return Planted(first)
    if _KINDS[kind] is Offered:
        return Offered(first, Side(*sides[0]))
    return Applied(first, Side(*sides[0]), Side(*sides[1]))


def _encode_link(link: LinkState) -> bytes:
    pending = _encode_side(link.pending) if link.pending else None
    last = _record_fields(link.last) if link.last else None
    marks = (link.sequence, link.digest, link.before, link.base)
    return _sealed(msgpack.packb((link.anchor.astype("<f4").tobytes(), *marks, pending, last)))


def _decode_link(blob: bytes) -> LinkState:
    anchor, sequence, digest, before, base, pending, last = _unseal(blob)
    link = LinkState(_floats(anchor), sequence, digest, before, base)
    link.pending = Side(*pending) if pending else None
    if last:
        link.last = Applied(last[0], Side(*last[1]), Side(*last[2]))
    return link
