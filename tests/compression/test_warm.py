"""After warm() no exchange waits for a compiler."""

import numba
import numpy as np
import pytest

from gossipfl.compression import Codec, DenseCodec, SparseCodec, warm
from gossipfl.gossip.anchored import AnchoredGossip
from gossipfl.gossip.replica import Replica
from gossipfl.kernels import payload, quantisation, rice, scatter, selection, updates

KERNELS = [
    kernel
    for module in (payload, quantisation, rice, scatter, selection, updates)
    for kernel in vars(module).values()
    if hasattr(kernel, "signatures")
]


def exchange(codec: Codec, residual):
    delta = codec.decode(codec.encode(residual, keep_ratio=0.1))
    replica = Replica(residual, samples=1, step_size=1.0, activity=0.1)
    replica.merge(b"peer", delta, delta, 0.5, 0.1)
    replica.trained(residual, replica.parameters, 1.0)
    replica.end_round()
    scheme = AnchoredGossip(codec, codec, residual)
    scheme.plant(scheme.new_anchor(), scheme.offer(replica, residual).payload)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_nothing_compiles_after_warm():
    warm()
    known = [list(kernel.signatures) for kernel in KERNELS]
    residual = np.random.default_rng(0).normal(size=500).astype(np.float32)
    exchange(SparseCodec(500, ((0, 500),), bits=1), residual)
    exchange(SparseCodec(500, ((0, 100), (100, 500)), bits=2), residual)
    exchange(SparseCodec(500, ((0, 500),)), np.zeros(500, np.float32))
    exchange(DenseCodec(500), residual)
    assert [list(kernel.signatures) for kernel in KERNELS] == known


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_kernels_release_the_lock_and_keep_ieee_arithmetic():
    assert len(KERNELS) > 10
    for kernel in KERNELS:
        assert kernel.targetoptions["nogil"]
        # The order of a sum may be left open, where no two nodes must agree on it.
        assert kernel.targetoptions.get("fastmath", set()) <= {"reassoc"}
        assert kernel is updates.difference or not kernel.targetoptions.get("fastmath")
