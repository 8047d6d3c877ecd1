"""How kernels are compiled, read from their source."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gossipfl.kernels

KERNELS = sorted(Path(gossipfl.kernels.__file__).parent.glob("*.py"))
# Flags that let LLVM assume away NaN and infinity, by which divergence is recognised.
UNSAFE = {"fast", "nnan", "ninf"}


def compiled(path):
    """(name, constants of the keyword arguments, function) of each jitted function in the file."""
    tree = ast.parse(path.read_text())
    names = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            # Functions for use inside of kernels take the flags of the kernel.
            if "njit" in ast.unparse(decorator):
                keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
                values = (names.get(getattr(k.value, "id", ""), k.value) for k in keywords)
                arguments = [ast.literal_eval(value) for value in values]
                yield node.name, dict(zip((k.arg for k in keywords), arguments, strict=True)), node


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


def test_kernels_that_are_called_by_address_keep_nan():
    found = [(path, *kernel) for path in KERNELS for kernel in by_address(path)]
    assert len(found) > 10
    for path, name, flags in found:
        # Reassociation would undo the rounding trick of `exp`.
        safe = "kernels.elementary" not in path.read_text()
        allowed = {"contract", "reassoc"} if safe else {"contract"}
        assert flags <= allowed, f"{name}: {flags}"


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_every_kernel_releases_the_lock_is_cached_and_keeps_nan(path):
    for name, flags, node in compiled(path):
        assert flags.get("nogil") is True, f"{name}: nogil=True keeps the event loop running"
        assert flags.get("cache") is True, f"{name}: cache=True compiles once per machine"
        fastmath = flags.get("fastmath", set())
        assert not isinstance(fastmath, bool), f"{name}: name the fastmath flags"
        assert not UNSAFE & fastmath, f"{name}: fastmath would drop NaN"
        if fastmath:
            assert "isfinite" not in ast.unparse(node), f"{name}: test finiteness without fastmath"


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
