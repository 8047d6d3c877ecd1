"""Records in files that survive a reset at any moment.

Two slots, a file each: a head, records that make a whole checkpoint, the record COMPLETE, and a
journal of further ones.  A checkpoint is written beside them, synced, and renamed over the older
slot; the newer one is left alone, since a rename is not one step on every filesystem.  The journal
ends where a record's checksum is wrong: what a reset cut short was never promised to anybody.
"""

import os
import struct
from binascii import crc32

TYPE_CHECKING = False  # of checkers alone, which take it for True: boards lack these modules
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO

COMPLETE = 0xFE
# Bytes of a journal before a checkpoint is due.
JOURNAL_MAX = 16_384
_MAGIC = b"GFM1"
_HEAD_BYTES = 8
_RECORD_HEAD_BYTES = 5
_CRC_BYTES = 4
_NEXT = "next"


class StoreError(Exception):
    """The filesystem does not keep what it must."""


class Store:
    """directory: of its own."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._slot = 0
        self._generation = 0
        self._journal_bytes = 0
        self._appendable = False
        try:
            os.mkdir(directory)
        except OSError:
            pass  # it is there, or what is written next will say so

    def _path(self, name: int | str) -> str:
        return f"{self._directory}/{name}"

    def records(self) -> Iterator[tuple[int, bytes]]:
        """Those of the newest checkpoint and its journal, in order: (kind, content).

        To be read to the end before anything is written.
        """
        for slot in range(2):
            generation = self._whole_generation(slot)
            if generation > self._generation:
                self._slot, self._generation = slot, generation
        if self._generation:
            yield from self._journal()

    def _journal(self) -> Iterator[tuple[int, bytes]]:
        with open(self._path(self._slot), "rb") as file:
            complete, place = 0, _HEAD_BYTES
            for kind, content in _read(file):
                place += _RECORD_HEAD_BYTES + len(content) + _CRC_BYTES
                if kind == COMPLETE:
                    complete = place
                else:
                    yield kind, content
            self._journal_bytes = place - complete
            # Behind a record that was cut short, no other would be found.
            self._appendable = place == file.seek(0, 2)

    def _whole_generation(self, slot: int) -> int:
        """0 where there is no whole checkpoint."""
        try:
            with open(self._path(slot), "rb") as file:
                head = file.read(_HEAD_BYTES)
                file.seek(0)
                if any(kind == COMPLETE for kind, _ in _read(file)):
                    generation: int = struct.unpack_from("<I", head, 4)[0]
                    return generation
        except OSError:
            pass
        return 0

    def append(self, kind: int, content: bytes) -> bool:
        """Add a record to the journal; False if a checkpoint is due instead."""
        record = _encode(kind, content)
        self._journal_bytes += len(record)
        if not self._appendable or self._journal_bytes > JOURNAL_MAX:
            return False
        self._appendable = False  # unless all goes well
        try:
            with open(self._path(self._slot), "ab") as file:
                file.write(record)
                file.flush()
        except OSError:
            return False
        self._appendable = True
        return True

    def checkpoint(self, records: Iterable[tuple[int, bytes]]) -> None:
        """Write all that there is to know.  Raises StoreError."""
        slot = 1 - self._slot
        try:
            with open(self._path(_NEXT), "wb") as file:
                file.write(_MAGIC + struct.pack("<I", self._generation + 1))
                for kind, content in records:
                    file.write(_encode(kind, content))
                file.write(_encode(COMPLETE, b""))
                file.flush()
            os.rename(self._path(_NEXT), self._path(slot))
        except OSError as error:
            raise StoreError(f"{self._directory}: nothing can be stored: {error}")
        self._slot = slot
        self._generation += 1
        self._journal_bytes = 0
        self._appendable = True


def _encode(kind: int, content: bytes) -> bytes:
    record = struct.pack("<BI", kind, len(content)) + content
    return record + struct.pack("<I", crc32(record))


def _read(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Records up to the first that is not whole."""
    end = file.seek(0, 2)
    file.seek(0)
    if file.read(_HEAD_BYTES)[: len(_MAGIC)] != _MAGIC:
        return
    place = _HEAD_BYTES
    while place + _RECORD_HEAD_BYTES + _CRC_BYTES <= end:
        head = file.read(_RECORD_HEAD_BYTES)
        kind, length = struct.unpack("<BI", head)
        place += _RECORD_HEAD_BYTES + length + _CRC_BYTES
        if place > end:
            return
        content, crc = file.read(length), file.read(_CRC_BYTES)
        if struct.pack("<I", crc32(content, crc32(head))) != crc:
            return
        yield kind, content
