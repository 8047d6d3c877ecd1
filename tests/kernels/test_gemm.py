"""Matrix products against their twins, for every remainder of the tiles; within their bounds."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.kernels import gemm_ref, kinds, layout

SIZES = st.integers(1, 70)
SEEDS = st.integers(0, 2**32 - 1)
GUARD = np.float32(7)  # what surrounds the result and must stay


def operands(shape, gap, seed):
    """A matrix with `gap` unused columns, holding NaN that no kernel may read."""
    matrix = np.full((shape[0], shape[1] + gap), np.nan, np.float32)
    matrix[:, : shape[1]] = np.random.default_rng(seed).normal(size=shape)
    return matrix


def compare(name, a, b, sizes, add):
    """Kernel and twin on `a`, (array, row stride or list, column stride or list), and `b`."""
    m, n, _ = sizes
    found = np.full((2, m + 1, n + 3), GUARD, np.float32)
    ours = kinds.SHARED[getattr(layout, name.upper())]
    for product, out in ((ours, found[0]), (getattr(gemm_ref, name), found[1])):
        arrays = (a[0].reshape(-1), *a[1:], b[0].reshape(-1), b[1], out.reshape(-1), n + 3)
        product(*arrays, *sizes, add)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-4)
    assert (found[0][m] == GUARD).all()
    assert (found[0][:, n:] == GUARD).all()


@given(SIZES, SIZES, SIZES, st.integers(0, 1), st.booleans(), SEEDS)
def test_multiply_equals_its_twin(m, n, k, add, transposed, seed):
    b = operands((k, n), 2, seed + 1)
    if transposed:
        a = operands((k, m), 3, seed)
        compare("multiply", (a, 1, m + 3), (b, n + 2), (m, n, k), add)
    else:
        a = operands((m, k), 3, seed)
        compare("multiply", (a, k + 3, 1), (b, n + 2), (m, n, k), add)


@given(SIZES, SIZES, SIZES, st.integers(0, 1), SEEDS)
def test_multiply_transposed_equals_its_twin(m, n, k, add, seed):
    a, b = operands((m, k), 3, seed), operands((n, k), 2, seed + 1)
    compare("multiply_transposed", (a, k + 3, 1), (b, k + 2), (m, n, k), add)


@given(SIZES, SIZES, SIZES, st.integers(0, 1), SEEDS)
def test_multiply_listed_equals_its_twin(m, n, k, add, seed):
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(0, 40, m), rng.integers(0, 40, k)
    a, b = operands((1, 79), 0, seed), operands((k, n), 2, seed + 1)
    compare("multiply_listed", (a, rows, columns), (b, n + 2), (m, n, k), add)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_visible(value):
    a, b = np.ones((5, 20), np.float32), np.ones((20, 20), np.float32)
    a[3, 7] = value
    for place in (layout.MULTIPLY, layout.MULTIPLY_TRANSPOSED):
        out = np.zeros((5, 20), np.float32)
        with np.errstate(all="ignore"):  # only when run without compilation
            kinds.SHARED[place](a, 20, 1, b, 20, out, 20, 5, 20, 20, 0)
        assert not np.isfinite(out[3]).any()
        assert np.isfinite(out[[0, 1, 2, 4]]).all()


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
@pytest.mark.parametrize(
    ("features", "width"), [("+avx,+avx2,+fma", "8"), ("+sse4.2", "4")], ids=["avx2", "sse"]
)
def test_narrower_processors_compute_the_same(features, width, tmp_path):
    """The rest of this file again, compiled for less than what this processor has."""
    if "x86_64" not in os.uname().machine:
        pytest.skip("names x86 features")
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": features,
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    probe = "from gossipfl.kernels.vectors import WIDTH; print(WIDTH)"
    found = subprocess.run(
        [sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == width
    tests = [sys.executable, "-m", "pytest", "-q", "-x", __file__, "-k", "not narrower"]
    run = subprocess.run(tests, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
