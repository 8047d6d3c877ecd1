"""A codec that remembers what its last payloads stand for, since one process plays all nodes."""

from collections.abc import Callable
from typing import Final

from gossipfl.compression import Codec, Delta

REMEMBERED_MAX: Final = 256


class _Known(dict[bytes, Delta]):
    """What the newest payloads stand for; asking for any other decodes it."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def __missing__(self, payload: bytes) -> Delta:
        delta = self[payload] = self._codec.decode(payload)
        if len(self) > REMEMBERED_MAX:
            del self[next(iter(self))]
        return delta


class RememberingCodec:
    """Behaves as the codec inside, but decodes no payload that it has just read.

    Sender and receiver decode each payload five times each; here they are one process.  Deltas
    are never changed, so sharing them is safe.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        # No call in between: simulations make them by the million.
        self.encode: Callable[..., bytes] = codec.encode
        self.encode_difference: Callable[..., tuple[bytes, float]] = codec.encode_difference
        self.decode: Callable[[bytes], Delta] = _Known(codec).__getitem__

    @property
    def size(self) -> int:
        """As the codec inside."""
        return self._codec.size

    @property
    def payload_max(self) -> int:
        """As the codec inside."""
        return self._codec.payload_max
