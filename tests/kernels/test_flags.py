"""How kernels are compiled, read from their source."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gossipfl.kernels

KERNELS = sorted(Path(gossipfl.kernels.__file__).parent.glob("*.py"))
# Flags that let LLVM assume away NaN and infinity, by which divergence is recognised, are not
# among those that are allowed.


def by_address(path):
    """(name, fastmath flags) of each function in the file that is compiled to be called so."""
    tree = ast.parse(path.read_text())
    names = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        for call in getattr(node, "decorator_list", []):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "kernel":
                flags = [names.get(getattr(a, "id", ""), a) for a in call.args[1:]]
                yield node.name, set().union(*map(ast.literal_eval, flags))


def test_kernels_keep_nan():
    found = [(path, *kernel) for path in KERNELS for kernel in by_address(path)]
    assert len(found) > 30
    for path, name, flags in found:
        # Reassociation would undo the rounding trick of `exp`.
        safe = "kernels.elementary" not in path.read_text()
        allowed = {"contract", "reassoc"} if safe else {"contract"}
        assert flags <= allowed, f"{name}: {flags}"


def test_functions_inside_of_kernels_keep_nan_and_leave_no_file():
    """Numba's own cache looks at one file alone, and would keep what is stale."""
    for path in KERNELS:
        for node in ast.walk(ast.parse(path.read_text())):
            for decorator in getattr(node, "decorator_list", []):
                text = ast.unparse(decorator)
                assert "cache=True" not in text
                assert not any(flag in text for flag in ("'fast'", "nnan", "ninf", "fastmath=True"))


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="this is that run")
def test_kernels_pass_uncompiled():
    """Each kernel beside its twin, and all together in a trainer."""
    names = ("test_twins.py", "test_losses.py", "test_gemm.py")
    files = [str(Path(__file__).with_name(name)) for name in names]
    learning = str(Path(__file__).parents[1] / "learning" / "test_training.py")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *files, learning],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
