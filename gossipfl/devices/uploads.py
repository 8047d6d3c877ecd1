"""Samples of a device that cannot train, for whoever trains in its place.

Nothing of this happens unless the device's operator has allowed it: readings leave their device.
"""

from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import RemoteProtocolError, StateError
from gossipfl.wire.messages import SAMPLES_MAX


class Uploads:
    """The newest rows of one device, each of which comes once.

    inputs, classes: of every row.  rows_max: older ones are forgotten.
    """

    def __init__(self, inputs: int, classes: int, rows_max: int) -> None:
        self.wanted = 0
        self._inputs, self._classes, self._rows_max = inputs, classes, rows_max
        self._rows = np.empty(0, self._layout)

    @property
    def _layout(self) -> np.dtype[Any]:
        return np.dtype([("class", "<u2"), ("features", "<f4", (self._inputs,))])

    @property
    def features(self) -> NDArray[np.float32]:
        """f32[rows, inputs], oldest first."""
        return np.ascontiguousarray(self._rows["features"], np.float32)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of every row."""
        return self._rows["class"].astype(np.int64)

    def take(self, first: int, content: bytes) -> None:
        """Add rows, if they go on where the last ones ended; others have come before or will again.

        Raises RemoteProtocolError for bytes that are no rows of this device.
        """
        rows = self._read(content)
        if first != self.wanted or self.wanted + len(rows) > SAMPLES_MAX:
            return
        self._rows = np.concatenate([self._rows, rows])[-self._rows_max :]
        self.wanted += len(rows)

    def _read(self, content: bytes) -> NDArray[Any]:
        if not content or len(content) % self._layout.itemsize:
            raise RemoteProtocolError(f"{len(content)} bytes of samples: no whole number of them")
        rows = np.frombuffer(content, self._layout)
        if not np.isfinite(rows["features"]).all() or (rows["class"] >= self._classes).any():
            raise RemoteProtocolError("samples that are not finite, or of a class that is none")
        return rows

    def encode(self) -> bytes:
        """All of it, for the disk."""
        packed: bytes = msgpack.packb([self.wanted, self._rows.tobytes()])
        return packed

    def restore(self, content: bytes) -> None:
        """The reverse.  Raises StateError."""
        try:
            wanted, rows = msgpack.unpackb(content, use_list=False)
            if type(wanted) is not int or not 0 <= wanted <= SAMPLES_MAX or type(rows) is not bytes:
                raise ValueError
            self._rows = self._read(rows)[-self._rows_max :] if rows else self._rows[:0]
            self.wanted = wanted
        except (ValueError, TypeError, msgpack.UnpackException, RemoteProtocolError):
            raise StateError(
                "a device's samples are damaged: delete them, and it sends them anew"
            ) from None
