"""A codec that remembers what its last payloads stand for, since one process plays all nodes."""

from collections import OrderedDict
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression import Codec, Delta

REMEMBERED_MAX: Final = 256


class RememberingCodec:
    """Behaves as the codec inside, but decodes no payload that it has just read.

    Sender and receiver decode each payload five times each; here they are one process.  Deltas
    are never changed, so sharing them is safe.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._known: OrderedDict[bytes, Delta] = OrderedDict()

    @property
    def size(self) -> int:
        """As the codec inside."""
        return self._codec.size

    @property
    def payload_max(self) -> int:
        """As the codec inside."""
        return self._codec.payload_max

    def encode(self, residual: NDArray[np.float32], keep_ratio: float | None = None) -> bytes:
        """As the codec inside."""
        return self._codec.encode(residual, keep_ratio)

    def encode_difference(
        self,
        model: NDArray[np.float32],
        anchor: NDArray[np.float32],
        keep_ratio: float | None = None,
    ) -> tuple[bytes, float]:
        """As the codec inside."""
        return self._codec.encode_difference(model, anchor, keep_ratio)

    def decode(self, payload: bytes) -> Delta:
        """As the codec inside."""
        delta = self._known.get(payload)
        if delta is None:
            delta = self._known[payload] = self._codec.decode(payload)
            if len(self._known) > REMEMBERED_MAX:
                self._known.popitem(last=False)
        return delta
