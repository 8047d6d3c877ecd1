"""Cached kernels are loaded without Numba's registries, and others compiled as ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")

COUNT = """
import gossipfl.kernels
from numba.core.base import BaseContext
filled, fill = [], BaseContext.refresh
BaseContext.refresh = lambda self: (filled.append(1), fill(self))[1]
"""

KERNELS = """
import math, numba, numpy as np
@numba.njit(cache=True)
def root(x):
    return math.sqrt(math.exp(x.sum()))
@numba.njit(cache=True)
def doubled(x):
    return 2 * root(x)
"""

PROBE = """
import numpy as np, kernels
found = getattr(kernels, {name!r})(np.zeros(3))
print(found, "registries" if filled else "cache alone")
"""

EVERY_KERNEL = """
from gossipfl.kernels.engine import kinds
from gossipfl.kernels.calls import array_of
groups = kinds.LAYERS, kinds.LOSSES, kinds.OPTIMIZERS, kinds.SHARED
print(all(array_of(list(group.values())).all() for group in groups))
if {again}:
    assert not filled
"""


def run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", COUNT + script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_registries_are_filled_only_to_compile(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text(KERNELS)
    found = [
        run(
            PROBE.format(name=name),
            NUMBA_CACHE_DIR=str(tmp_path / "cache"),
            PYTHONPATH=f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}",
        )
        for name in ("root", "doubled", "doubled")
    ]
    # `doubled` is compiled around a `root` from the cache.
    assert found == ["1.0 registries", "2.0 registries", "2.0 cache alone"]


def test_every_kernel_finds_its_symbols_without_them() -> None:
    assert run(EVERY_KERNEL.format(again=False)) == "True"
    assert run(EVERY_KERNEL.format(again=True)) == "True"
