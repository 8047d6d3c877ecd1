"""Payloads that must not be longer than so many bytes, whatever the codec would like to send."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.codec import Codec
from gossipfl.compression.delta import Delta

# Fewer entries lie further apart, so each takes more bits: aim a little lower at once.
AIM: Final = 0.97

Limit = Callable[[], float]


class LimitedCodec:
    """Behaves as the codec inside, but keeps as many entries as the limit has room for.

    Any end reads what any other has made, so each end of a link may have a limit of its own.

    keep_ratio: fraction of entries to keep where there is room for them.
    limit: bytes that the next payload may take; one entry is sent even if it takes more.
    """

    def __init__(self, codec: Codec, keep_ratio: float, limit: Limit) -> None:
        self._codec = codec
        self._keep_ratio = keep_ratio
        self._limit = limit

    @property
    def size(self) -> int:
        """As the codec inside."""
        return self._codec.size

    @property
    def payload_max(self) -> int:
        """As the codec inside: the other end may have another limit."""
        return self._codec.payload_max

    def encode(self, residual: NDArray[np.float32], keep_ratio: float | None = None) -> bytes:
        """As the codec inside, with fewer entries if need be."""
        return self.encode_difference(residual, np.zeros_like(residual), keep_ratio)[0]

    def encode_difference(
        self,
        model: NDArray[np.float32],
        anchor: NDArray[np.float32],
        keep_ratio: float | None = None,
    ) -> tuple[bytes, float]:
        """As the codec inside, with fewer entries if need be."""
        ratio, limit = keep_ratio or self._keep_ratio, self._limit()
        payload, length = self._codec.encode_difference(model, anchor, ratio)
        while len(payload) > limit and ratio * self.size > 1:
            ratio *= AIM * max(limit, 1) / len(payload)
            payload, _ = self._codec.encode_difference(model, anchor, ratio)
        return payload, length

    def decode(self, payload: bytes) -> Delta:
        """As the codec inside."""
        return self._codec.decode(payload)
