"""Deltas and their bytes: codecs that turn what a peer lacks into a few hundred bytes."""

import numpy as np

from gossipfl.compression.codec import Codec
from gossipfl.compression.delta import Delta
from gossipfl.compression.dense import DenseCodec
from gossipfl.compression.sparse import SparseCodec
from gossipfl.kernels.engine import scatter, updates

__all__ = ["Codec", "Delta", "DenseCodec", "SparseCodec", "warm"]


def warm() -> None:
    """Load every kernel, compiling those not cached yet, so that no exchange waits for it."""
    residual = np.linspace(-1, 1, 64, dtype=np.float32)
    codec = SparseCodec(64, ((0, 32), (32, 64)), keep_ratio=0.5, bits=2)
    delta = codec.decode(codec.encode(residual))
    entries = delta.indices, delta.values, 0.5
    updates.difference(residual, residual, np.empty_like(residual))
    updates.advance(residual, residual, residual)
    updates.approach(residual, residual, 0.5)
    scatter.scatter_add(residual, *entries)
    scatter.add_two(residual, *entries, *entries)
    scatter.displace(residual, residual, 0.5, *entries, *entries)
    scatter.merge(residual, residual, 0.5, residual, 0.5, residual, *entries, *entries, True)
