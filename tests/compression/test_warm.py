"""After warm() no exchange waits for a compiler."""

import numba
import numpy as np
import pytest

from gossipfl.compression import Codec, DenseCodec, SparseCodec, warm
from gossipfl.kernels import quantisation, rice, scatter, selection

KERNELS = [
    kernel
    for module in (quantisation, rice, scatter, selection)
    for kernel in vars(module).values()
    if hasattr(kernel, "signatures")
]


def exchange(codec: Codec, residual):
    delta = codec.decode(codec.encode(residual, keep_ratio=0.1))
    scatter.scatter_add(residual, delta.indices, delta.values, np.float32(-0.5))


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
        assert not kernel.targetoptions.get("fastmath")
