"""What a node remembers, in one SQLite file that survives a crash at any instant.

An exchange costs one small journal row, written before its answer leaves.  The model is written
whole every few seconds, the anchors rarely; each says up to which journal row it is complete, and
loading replays the rows that follow.  Write-ahead logging without a sync per commit keeps flash
cards alive: a killed process loses nothing, a power cut may lose the newest rows, and then the
link seeds itself anew.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgpack

from gossipfl.errors import StateError
from gossipfl.gossip.link import LinkState
from gossipfl.node.state.saved import (
    UNREADABLE,
    Item,
    Kept,
    LinksCheckpoint,
    ModelCheckpoint,
    Row,
    Saved,
    decode_link,
    decode_model,
    decode_row,
    encode_link,
    encode_model,
    encode_row,
    sealed,
    unseal,
)

__all__ = [
    "Damaged",
    "Item",
    "Kept",
    "LinksCheckpoint",
    "ModelCheckpoint",
    "Row",
    "Saved",
    "Store",
    "check_store",
    "open_store",
    "read_model",
]

SCHEMA_VERSION: Final = 2
_KEPT: Final = "kept-"
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS journal(id INTEGER PRIMARY KEY, peer BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS model(id INTEGER PRIMARY KEY CHECK (id = 1),
                                 position INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS links(peer BLOB PRIMARY KEY,
                                 position INTEGER NOT NULL, body BLOB NOT NULL);
"""


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
        return _load(self._db, self._path)

    def write(self, items: Sequence[Item]) -> None:
        """Store all items in one transaction.  Raises StateError and stores none on failure."""
        try:
            with self._db:
                for item in items:
                    self._write_one(item)
                model = _load_model(self._db) if any(map(_is_links, items)) else None
            if model is not None:
                _write_backup(self._path, self._manifest_id, model)
        except (sqlite3.Error, OSError, *UNREADABLE) as error:
            raise StateError(f"cannot write {self._path}: {error}; free some space") from None

    def outlast_power_cuts(self) -> None:
        """From now on everything is on the disk when `write` returns, not only safe from kill -9.

        It costs a sync per write, which wears flash cards.
        """
        self._db.execute("PRAGMA synchronous=FULL")

    def close(self) -> None:
        """Fold the write-ahead log into the file."""
        self._db.close()

    def _claim(self) -> None:
        with self._db:
            self._check_version()
            self._db.executescript(_TABLES)
            self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            owner = sealed(msgpack.packb(self._manifest_id))
            self._db.execute("INSERT OR IGNORE INTO meta VALUES('manifest', ?)", (owner,))
        _check_owner(self._db, self._path, self._manifest_id)

    def _check_version(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, SCHEMA_VERSION):
            raise StateError(
                f"{self._path} was written by another version of gossipfl; "
                f"install that one, or choose another --state"
            )

    def _write_one(self, item: Item) -> None:
        if isinstance(item, Row):
            row = (item.position, item.peer, encode_row(item))
            self._db.execute("INSERT OR REPLACE INTO journal VALUES(?,?,?)", row)
        elif isinstance(item, ModelCheckpoint):
            model = (item.position, encode_model(item, item.position))
            self._db.execute("INSERT OR REPLACE INTO model VALUES(1,?,?)", model)
        elif isinstance(item, Kept):
            self._write_meta(_KEPT + item.name, item.value)
        else:
            self._write_links(item)
        if not isinstance(item, Row):
            self._forget_old_rows()

    def _write_meta(self, key: str, value: object) -> None:
        blob = sealed(msgpack.packb(value))
        self._db.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (key, blob))

    def _write_links(self, item: LinksCheckpoint) -> None:
        self._db.execute("DELETE FROM links")
        rows = (  # one at a time: a seed has an anchor for every client
            (peer, item.position, encode_link(link, peer, item.position))
            for peer, link in item.links.items()
        )
        self._db.executemany("INSERT INTO links VALUES(?,?,?)", rows)
        self._write_meta("links", item.position)

    def _forget_old_rows(self) -> None:
        """Rows that both the model and the links contain are history."""
        (model,) = self._db.execute("SELECT coalesce(max(position), 0) FROM model").fetchone()
        needed = min(model, _links_position(self._db))
        self._db.execute("DELETE FROM journal WHERE id <= ?", (needed,))


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


def check_store(path: Path) -> None:
    """Raises Damaged unless all in the file can be read; changes none of it, also beside a node."""
    with _opened_to_read(path) as db:
        _load(db, path)


def read_model(path: Path, manifest_id: bytes) -> ModelCheckpoint | None:
    """The model as it was last written; changes nothing, also beside a node.

    Raises StateError when the file is another cluster's, Damaged when it cannot be trusted.
    """
    with _opened_to_read(path) as db:
        try:
            _check_owner(db, path, manifest_id)
            return _load_model(db)
        except (sqlite3.DatabaseError, *UNREADABLE) as error:
            raise Damaged(f"{path}: {error}") from None


@contextlib.contextmanager
def _opened_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        # Not mode=ro, which cannot tidy up the two files that write-ahead logging puts beside it.
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
    except sqlite3.Error as error:
        raise _failure(path, error) from None
    try:
        _check(db, path)
        yield db
    finally:
        db.close()


def _check_owner(db: sqlite3.Connection, path: Path, manifest_id: bytes) -> None:
    found = db.execute("SELECT value FROM meta WHERE key='manifest'").fetchone()
    try:
        mine = found is not None and unseal(found[0]) == manifest_id
    except UNREADABLE as error:
        raise Damaged(f"{path}: {error}") from None
    if not mine:
        raise StateError(
            f"{path} holds a model of another manifest; "
            f"give this cluster a state directory of its own (--state)"
        )


def _load(db: sqlite3.Connection, path: Path) -> Saved:
    try:
        _links_position(db)
        return Saved(_load_model(db), _load_links(db), _load_rows(db), _load_kept(db))
    except (sqlite3.DatabaseError, *UNREADABLE) as error:
        raise Damaged(f"{path}: {error}") from None


def _links_position(db: sqlite3.Connection) -> int:
    found = db.execute("SELECT value FROM meta WHERE key='links'").fetchone()
    return int(unseal(found[0])) if found else 0


def _load_kept(db: sqlite3.Connection) -> dict[str, Any]:
    found = db.execute("SELECT key, value FROM meta WHERE key GLOB ?", (_KEPT + "*",))
    return {key.removeprefix(_KEPT): unseal(value) for key, value in found}


def _load_model(db: sqlite3.Connection) -> ModelCheckpoint | None:
    found = db.execute("SELECT position, body FROM model").fetchone()
    return decode_model(found[0], found[1], found[0]) if found else None


def _load_links(db: sqlite3.Connection) -> dict[bytes, tuple[int, LinkState]]:
    rows = db.execute("SELECT peer, position, body FROM links ORDER BY peer")
    return {peer: (position, decode_link(body, peer, position)) for peer, position, body in rows}


def _load_rows(db: sqlite3.Connection) -> list[Row]:
    rows = db.execute("SELECT id, peer, body FROM journal ORDER BY id")
    return [decode_row(*row) for row in rows]


def _connect(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, check_same_thread=False)
    except sqlite3.Error as error:
        raise _failure(path, error) from None
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        _check(db, path)
    except sqlite3.Error as error:
        db.close()
        raise _failure(path, error) from None
    except Damaged:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection, path: Path) -> None:
    try:
        (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise _failure(path, error) from None
    if found != "ok":
        raise Damaged(f"{path} is damaged: {' '.join(found.split())}")


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
    fresh.write_bytes(encode_model(model, manifest_id))
    fresh.replace(_backup_path(path))


def _read_backup(path: Path, manifest_id: bytes) -> ModelCheckpoint | None:
    try:
        return decode_model(0, _backup_path(path).read_bytes(), manifest_id)
    except (OSError, *UNREADABLE):
        return None
