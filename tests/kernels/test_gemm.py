"""Matrix products against NumPy, for every remainder of the 4 by 4 blocks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import gemm, gemm_ref

SIZES = st.integers(1, 21)


@given(SIZES, SIZES, SIZES, st.integers(0, 2**32 - 1))
def test_products_equal_twins(m, n, k, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=s).astype(np.float32) for s in ((m, k), (n, k)))
    found = np.full((2, m, n), 7, np.float32)
    gemm.multiply_transposed(a, b, found[0])
    gemm_ref.multiply_transposed(a, b, found[1])
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)


@given(SIZES, SIZES, SIZES, st.booleans(), st.integers(0, 2**32 - 1))
def test_sums_equal_twins(m, n, k, transposed, seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=s).astype(np.float32) for s in ((m, k), (k, n)))
    found = np.full((2, m, n), 7, np.float32)
    left = np.ascontiguousarray(a.T).T if transposed else a
    gemm.accumulate(left, b, found[0])
    gemm_ref.accumulate(a, b, found[1])
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)
