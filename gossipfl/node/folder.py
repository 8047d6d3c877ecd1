"""A folder that readings are put into, file by file, while a node runs."""

import os
import time
from pathlib import Path
from typing import Final

from gossipfl.data.dataset import Dataset
from gossipfl.data.schema import Schema
from gossipfl.data.sources import SUFFIXES, read
from gossipfl.errors import DataError

# A file that nobody has written to for so long is whole; a younger one has to look alike twice.
STILL_S: Final = 5.0

Stamp = tuple[int, int]  # bytes, time of the last change in ns


class Folder:
    """What is new in a directory, each file once.  Blocks: call it off the event loop."""

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path = path
        self._schema = schema
        self._looked: dict[str, Stamp] = {}
        self._taken: dict[str, Stamp] = {}
        self._bad: dict[str, Stamp] = {}
        self._changed: set[str] = set()

    def fresh(self) -> list[str]:
        """Names of files that are whole and not read yet, in order; deleted ones are forgotten.

        A bad file comes up again when it has changed.  A good one that has changed since it was
        read comes up once more, to be refused by `read`.
        Raises DataError when there is no such folder.
        """
        now, before = self._look(), self._looked
        self._looked = now
        self._taken = {name: was for name, was in self._taken.items() if name in now}
        self._bad = {name: was for name, was in self._bad.items() if now.get(name) == was}
        self._changed &= now.keys()
        return sorted(
            name
            for name, stamp in now.items()
            if (before.get(name) == stamp or _is_still(stamp))
            and self._taken.get(name) != stamp
            and name not in self._bad
            and name not in self._changed
        )

    def read(self, name: str) -> Dataset:
        """The rows of a file that `fresh` named.  Raises DataError for a bad file."""
        if name in self._taken:
            self._changed.add(name)
            raise DataError(
                f"{self.path / name}: has changed since it was read; put new rows into a new file"
            )
        stamp = self._looked[name]
        try:
            rows = read(self.path / name, schema=self._schema)
        except DataError:
            self._bad[name] = stamp
            raise
        self._taken[name] = stamp
        return rows

    def _look(self) -> dict[str, Stamp]:
        try:
            with os.scandir(self.path) as entries:
                return dict(_stamped(entry) for entry in entries if _is_ours(entry))
        except OSError as error:
            raise DataError(f"cannot look into {self.path}: {error.strerror}") from None


def _is_ours(entry: "os.DirEntry[str]") -> bool:
    """Hidden files are still being written by whoever hides them."""
    name = entry.name
    return not name.startswith(".") and name.lower().endswith(SUFFIXES) and entry.is_file()


def _stamped(entry: "os.DirEntry[str]") -> tuple[str, Stamp]:
    status = entry.stat()
    return entry.name, (status.st_size, status.st_mtime_ns)


def _is_still(stamp: Stamp) -> bool:
    return stamp[1] < (time.time() - STILL_S) * 1e9
