"""What every codec does, whatever it keeps."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.delta import Delta
from gossipfl.errors import LocalProtocolError
from gossipfl.kernels.engine import updates


class Codec(Protocol):
    """Turns residuals (float32[size]) into payloads, and payloads into what they stand for."""

    @property
    def size(self) -> int:
        """Length of the vectors that this codec is made for."""

    @property
    def payload_max(self) -> int:
        """Bytes that no payload of this codec exceeds; a longer one is refused unread."""

    def encode(self, residual: NDArray[np.float32], keep_ratio: float | None = None) -> bytes:
        """The payload that stands for `residual`: for exactly what `decode` makes of it.

        keep_ratio: fraction of entries to keep this once, where the codec leaves any out.
        Raises LocalProtocolError if the residual has another type or length, or is not finite.
        """

    def encode_difference(
        self,
        model: NDArray[np.float32],
        anchor: NDArray[np.float32],
        keep_ratio: float | None = None,
    ) -> tuple[bytes, float]:
        """The payload that stands for model - anchor, and that difference's Euclidean length.

        As `encode` of the difference otherwise, but it need not be held anywhere.
        """
        check_vector(model, self.size)
        check_vector(anchor, self.size)
        residual = np.empty_like(model)
        length: float = updates.difference(model, anchor, residual)
        return self.encode(residual, keep_ratio), length

    def decode(self, payload: bytes) -> Delta:
        """The delta in a payload.  Raises RemoteProtocolError for all bytes that hold none."""


_FLOATS = np.dtype(np.float32)  # comparing with the type would build it anew a call


def check_vector(vector: NDArray[np.float32], size: int) -> None:
    """Raise LocalProtocolError unless `vector` is what kernels read: contiguous float32[size]."""
    if vector.dtype != _FLOATS or vector.shape != (size,) or not vector.flags.c_contiguous:
        raise LocalProtocolError(
            f"the codec needs a contiguous float32[{size}], not {vector.dtype}{list(vector.shape)}"
        )
