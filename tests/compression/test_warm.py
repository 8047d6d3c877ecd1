"""After warm() no exchange waits for a compiler, nor for the disk."""

import numpy as np
import pytest

from gossipfl.compression import Codec, DenseCodec, SparseCodec, warm
from gossipfl.gossip.anchored import AnchoredGossip
from gossipfl.gossip.replica import Replica
from gossipfl.kernels import native


def exchange(codec: Codec, residual):
    delta = codec.decode(codec.encode(residual, keep_ratio=0.1))
    replica = Replica(residual, samples=1, step_size=1.0, activity=0.1)
    replica.merge(b"peer", delta, delta, 0.5, 0.1)
    replica.trained(residual, replica.parameters, 1.0)
    replica.end_round()
    scheme = AnchoredGossip(codec, codec, residual)
    scheme.plant(scheme.new_anchor(), scheme.offer(replica, residual).payload)


def test_nothing_is_loaded_after_warm(monkeypatch: pytest.MonkeyPatch):
    warm()
    monkeypatch.setattr(native, "load", None)  # who calls it fails
    residual = np.random.default_rng(0).normal(size=500).astype(np.float32)
    exchange(SparseCodec(500, ((0, 500),), bits=1), residual)
    exchange(SparseCodec(500, ((0, 100), (100, 500)), bits=2), residual)
    exchange(SparseCodec(500, ((0, 500),)), np.zeros(500, np.float32))
    exchange(DenseCodec(500), residual)
