"""The codec that compresses nothing: what plain gossip of full models sends.

Payload: the vector as little-endian float32, 4 bytes an entry, nothing else.
"""

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.codec import Codec, check_vector
from gossipfl.compression.delta import Delta
from gossipfl.errors import ConfigError, LocalProtocolError, RemoteProtocolError


@attrs.frozen
class DenseCodec(Codec):
    """size: length of the vectors sent, at least 1."""

    size: int

    def __attrs_post_init__(self) -> None:
        if self.size < 1:
            raise ConfigError(f"size must be at least 1, not {self.size}")

    @property
    def payload_max(self) -> int:
        """Bytes of every payload."""
        return 4 * self.size

    def encode(self, residual: NDArray[np.float32], keep_ratio: float | None = None) -> bytes:
        """The residual itself, whatever the ratio.  Raises as Codec.encode does."""
        check_vector(residual, self.size)
        if not np.isfinite(residual).all():
            raise LocalProtocolError("the residual is not finite: training has diverged")
        return residual.astype("<f4").tobytes()

    def decode(self, payload: bytes) -> Delta:
        """Raises RemoteProtocolError unless the payload is `size` finite numbers."""
        if len(payload) != self.payload_max:
            raise RemoteProtocolError(
                f"a dense payload has {self.payload_max} bytes, not {len(payload)}"
            )
        values = np.frombuffer(payload, "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise RemoteProtocolError("a dense payload holds a number that is not finite")
        return Delta(np.arange(self.size, dtype=np.int32), values, self.size)
