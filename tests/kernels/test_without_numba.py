"""Where Numba cannot be imported, everything runs on the twins, and links agree to the bit."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.gossip.pair import make_pair
from tests.kernels.blocked import BLOCK, agreed, learn

TIMEOUT_S = 120


def start(program: str) -> subprocess.Popen[str]:
    """A Python process in which importing numba or llvmlite fails, and warnings are errors."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", BLOCK + program],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "NUMBA_CACHE_DIR": os.devnull,  # where nothing can have been compiled
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def output_of(program: str) -> str:
    with start(program) as process:
        out, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    return out.strip()


def test_models_learn_alike_on_the_twins() -> None:
    program = "import json; from tests.kernels.blocked import learn; print(json.dumps(learn()))"
    blocked = json.loads(output_of(program))
    for model, found in learn().items():
        assert blocked[model] == pytest.approx(found, rel=0.05)
        assert blocked[model][1] > 0.9


@pytest.mark.parametrize("module", ["kernels.layout", "models.layers", "manifest", "node.agent"])
def test_modules_need_no_numba(module: str) -> None:
    assert output_of(f"import gossipfl.{module}; print('numba' in sys.modules)") == "False"


def test_doctor_says_so() -> None:
    found = output_of("from gossipfl.node.doctor import check_kernels; print(check_kernels())")
    assert "warning" in found
    assert "NumPy instead of Numba: no llvmlite for this processor" in found


@pytest.mark.parametrize("scheme", ["anchored", "plain"])
def test_a_link_between_both_kinds_agrees_to_the_bit(scheme: str) -> None:
    ours, rng = make_pair(scheme)[0], np.random.default_rng(3)
    program = f"from tests.kernels.blocked import serve_link; serve_link({scheme!r})"
    with start(program) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(12):
            ours.train(rng)
            print(ours.open_or_repeat().hex(), file=process.stdin, flush=True)
            reply, theirs = process.stdout.readline().split()
            ours.take(bytes.fromhex(reply))
            assert theirs == agreed(ours)
        process.stdin.close()
    assert ours.exchange.state.sequence == 12
