"""Signs alone: one bit an entry, and the mean magnitude of every tensor.

The compressor "sign + norm" of Koloskova, Lin, Stich and Jaggi, "Decentralized Deep Learning with
Arbitrary Communication Compression" (2020, arXiv:1907.09356): sign(v) ||v||_1 / d for each tensor.

Payload: the means as little-endian float32, then the bits, lowest first, 1 for at least zero.
"""

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression import Codec, Delta
from gossipfl.compression.codec import check_vector
from gossipfl.errors import LocalProtocolError, RemoteProtocolError


class SignCodec(Codec):
    """tensors: (start, stop) of each; together they cover 0..size in order."""

    def __init__(self, size: int, tensors: tuple[tuple[int, int], ...]) -> None:
        self._size = size
        self._starts = np.array([start for start, _ in tensors])
        self._lengths = np.array([stop - start for start, stop in tensors])
        self._indices = np.arange(size, dtype=np.int32)

    @property
    def size(self) -> int:
        """Length of the vectors."""
        return self._size

    @property
    def payload_max(self) -> int:
        """Bytes of every payload."""
        return 4 * len(self._starts) + (self._size + 7) // 8

    def encode(self, residual: NDArray[np.float32], keep_ratio: float | None = None) -> bytes:
        """All entries, whatever the ratio.  Raises as Codec.encode does."""
        check_vector(residual, self._size)
        sums = np.add.reduceat(np.abs(residual), self._starts, dtype=np.float64)
        if not np.isfinite(sums).all():
            raise LocalProtocolError("the residual is not finite: training has diverged")
        means = (sums / self._lengths).astype("<f4")
        return bytes(means) + bytes(np.packbits(residual >= 0, bitorder="little"))

    def decode(self, payload: bytes) -> Delta:
        """Raises RemoteProtocolError unless the payload has its length and finite means."""
        if len(payload) != self.payload_max:
            raise RemoteProtocolError(f"signs take {self.payload_max} bytes, not {len(payload)}")
        border = 4 * len(self._starts)
        means = np.frombuffer(payload[:border], "<f4")
        if not np.isfinite(means).all():
            raise RemoteProtocolError("a mean magnitude is not finite")
        bits = np.frombuffer(payload[border:], np.uint8)
        positive = np.unpackbits(bits, count=self._size, bitorder="little").view(bool)
        scales = np.repeat(means.astype(np.float32), self._lengths)
        return Delta(self._indices, np.where(positive, scales, -scales), self._size)
