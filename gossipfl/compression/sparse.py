"""The sparse codec: top-k entries, a sign or two bits each, a few scales.

C(e) keeps the k largest |e| (ties go to lower indices) and replaces each by its sign times a scale
shared within its tensor: the mean of the |e| kept there, rounded to a code of scales.py.  With two
bits a tensor's kept entries are split at that mean, and each half has the mean of its own.  What is
lost stays in the residual; C is a contraction, ||e - C(e)|| < ||e||, so it dies out.

Idea: Stich et al., "Sparsified SGD with Memory" (arXiv 1809.07599); Karimireddy et al., "Error
Feedback Fixes SignSGD" (arXiv 1901.09847).  The payload's bytes are laid out in packing.py.
"""

from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.compression.codec import Codec, check_vector
from gossipfl.compression.delta import Delta
from gossipfl.compression.packing import (
    PADDING,
    SIZE_MAX,
    Room,
    complaint,
    make_out,
    make_room,
)
from gossipfl.compression.scales import BORDERS, SCALE_MIN, SCALES
from gossipfl.errors import ConfigError, LocalProtocolError, RemoteProtocolError
from gossipfl.kernels.engine import payload as kernels

ONE_BIT_RATIO_MAX = 0.03
"""Up to this keep ratio a second bit only adds bytes; above it, one scale is too coarse."""

# Smaller entries stay behind, for the smallest scale would overshoot them and C not contract.
_FLOOR = int(np.float32(SCALE_MIN).view(np.int32))


@attrs.frozen(eq=False)
class SparseCodec(Codec):
    """Raises ConfigError for settings outside these ranges.  One call at a time.

    size: length of the vectors, 1..2**24.
    tensors: (start, stop) of each tensor; together they cover 0..size in order.
    keep_ratio: fraction of entries sent, above 0, at most 1; at least one entry is.
    bits: 1 (sign), 2 (sign and level) or "auto": 1 up to a keep ratio of 3 %, then 2.
    """

    size: int
    tensors: tuple[tuple[int, int], ...] = attrs.field()
    keep_ratio: float = 0.02
    bits: Literal[1, 2, "auto"] = "auto"
    _stops: NDArray[np.int64] = attrs.field(init=False, repr=False)
    _wanted: tuple[int, int] = attrs.field(init=False, repr=False)
    _room: Room = attrs.field(init=False, repr=False)
    _out: NDArray[np.uint8] = attrs.field(init=False, repr=False)
    # Quicker to read than arrays.
    _written: memoryview = attrs.field(init=False, repr=False)
    _length: memoryview = attrs.field(init=False, repr=False)
    _nothing: NDArray[np.float32] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.size <= SIZE_MAX:
            raise ConfigError(f"size must be 1..{SIZE_MAX}, not {self.size}")
        if self.bits not in (1, 2, "auto"):
            raise ConfigError(f'bits must be 1, 2 or "auto", not {self.bits!r}')
        stops, count = _stops(self.tensors, self.size), len(self.tensors)
        room, out = make_room(self.size, count), make_out(self.size, count)
        for name, value in (
            ("_stops", stops),
            ("_wanted", self._plan(self.keep_ratio)),
            ("_room", room),
            ("_out", out),
            ("_written", out.data),
            ("_length", room[-1].data),
            ("_nothing", np.zeros(self.size, np.float32)),
        ):
            object.__setattr__(self, name, value)

    @property
    def payload_max(self) -> int:
        """Bytes that no payload exceeds, whatever the keep ratio."""
        return len(self._out) - len(PADDING)

    def encode(self, residual: NDArray[np.float32], keep_ratio: float | None = None) -> bytes:
        """The payload of C(residual); keep_ratio replaces the codec's own this once.

        Raises LocalProtocolError if the residual is no finite, contiguous float32[size].
        """
        return self.encode_difference(residual, self._nothing, keep_ratio)[0]

    def encode_difference(
        self,
        model: NDArray[np.float32],
        anchor: NDArray[np.float32],
        keep_ratio: float | None = None,
    ) -> tuple[bytes, float]:
        """The payload of C(model - anchor), and the Euclidean length of model - anchor.

        Raises as `encode`.
        """
        check_vector(model, self.size)
        check_vector(anchor, self.size)
        wanted, bits = self._wanted if keep_ratio is None else self._plan(keep_ratio)
        settings = wanted, _FLOOR, bits, self._stops, BORDERS
        length = kernels.encode(model, anchor, *settings, self._room, self._out)
        if length < 0:
            raise LocalProtocolError("the residual is not finite: training has diverged")
        return self._written[:length].tobytes(), self._length[0]

    def decode(self, payload: bytes) -> Delta:
        """The delta in a payload.  Raises RemoteProtocolError for all bytes that hold none."""
        if len(payload) > self.payload_max:
            raise RemoteProtocolError(f"a payload of {len(payload)} bytes is longer than any delta")
        stream = np.frombuffer(payload + PADDING, np.uint8)
        found = kernels.decode(stream, self.size, self._stops, SCALES, self._room)
        if found < 0:
            raise complaint(found)
        indices, values = self._room[:2]
        return Delta(indices[:found].copy(), values[:found].copy(), self.size)

    def _plan(self, ratio: float) -> tuple[int, int]:
        """(entries to keep, bits for each)."""
        if not 0 < ratio <= 1:
            raise ConfigError(f"keep_ratio must be above 0 and at most 1, not {ratio}")
        auto = 1 if ratio <= ONE_BIT_RATIO_MAX else 2
        return max(1, round(ratio * self.size)), auto if self.bits == "auto" else self.bits


def _stops(tensors: tuple[tuple[int, int], ...], size: int) -> NDArray[np.int64]:
    """Where each tensor ends, once they are known to follow each other from 0 to `size`."""
    end = 0
    for start, stop in tensors:
        if start != end or stop <= start:
            raise ConfigError(f"tensor {start}..{stop} must start at {end} and not be empty")
        end = stop
    if end != size:
        raise ConfigError(f"the tensors end at {end}, but the vector at {size}")
    return np.array([stop for _, stop in tensors], np.int64)
