"""Numba's run-time library is compiled once, and never trusted when damaged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import gossipfl.kernels, numba, numpy as np
from numba.core.runtime import nrtdynmod
compiled = []
create = nrtdynmod.create_nrt_module
nrtdynmod.create_nrt_module = lambda c: (compiled.append(1), create(c))[1]
@numba.njit
def total(x):
    y = np.empty_like(x)
    y[:] = x
    return y.sum()
print(total(np.arange(4.0)), len(compiled))
"""


def probe(cache: Path) -> str:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    run = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
def test_the_library_is_compiled_once_and_again_when_damaged(tmp_path: Path) -> None:
    assert probe(tmp_path) == "6.0 1"
    assert probe(tmp_path) == "6.0 0"
    (stored,) = tmp_path.rglob("runtime-*.nrt")
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.write_bytes(content)
    assert probe(tmp_path) == "6.0 1"
    assert probe(tmp_path) == "6.0 0"


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled")
def test_a_place_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert probe(blocked / "cache") == "6.0 1"
