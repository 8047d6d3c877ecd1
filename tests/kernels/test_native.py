"""Kernels load as machine code, without what compiled them; what they are given is looked at."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gossipfl.errors import LocalProtocolError
from gossipfl.kernels import cache, kinds, layout
from gossipfl.kernels.calls import Source, call_optimizer
from gossipfl.kernels.doors import scatter, updates
from gossipfl.kernels.native import Kernel
from gossipfl.kernels.presence import DISABLED
from gossipfl.kernels.signatures import F4, F8, I8, OPTIMIZER, Signature, written

compiles = pytest.mark.skipif(DISABLED, reason="nothing is compiled")

ONE = """
import sys
import numpy as np
from gossipfl.kernels.doors import updates
x, y, z = np.arange(12, dtype=np.float32).reshape(3, 4)
updates.advance(x, y, z)
print(x.tolist(), *sorted(sys.modules.keys() & {"numba", "llvmlite"}))
"""
MOVED = "[4.0, 5.0, 6.0, 7.0]"
NODE = """
import sys
from gossipfl.node import device
device.warm_kernels()
print(*sorted(sys.modules.keys() & {"numba", "llvmlite", "zeroconf", "asyncio"}))
"""


def start(program: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )


def output_of(process: "subprocess.Popen[str]") -> str:
    with process:
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return out.strip()


@compiles
def test_numba_is_imported_only_to_compile(tmp_path: Path) -> None:
    """Two processes at once compile, later ones load; a damaged file is compiled again."""
    place = {"NUMBA_CACHE_DIR": str(tmp_path)}
    both = [start(ONE, **place) for _ in range(2)]
    assert [output_of(process) for process in both] == [f"{MOVED} llvmlite numba"] * 2
    assert output_of(start(ONE, **place)) == MOVED
    (stored,) = tmp_path.rglob("*.kernel")
    stored.write_bytes(stored.read_bytes()[:-1])
    assert output_of(start(ONE, **place)) == f"{MOVED} llvmlite numba"
    assert output_of(start(ONE, **place)) == MOVED


@compiles
def test_a_place_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    place = {"NUMBA_CACHE_DIR": str(tmp_path / "file" / "cache")}
    assert output_of(start(ONE, **place)) == f"{MOVED} llvmlite numba"


@compiles
def test_a_node_starts_without_numba() -> None:
    output_of(start(NODE))  # compiles what no test has compiled yet
    assert output_of(start(NODE)) == ""


HEARD, RUNS, CALLED = 0, 1, 2


def wait(flags: Any, settings: Any, vectors: Any) -> int:
    """Says that it runs, and waits to be heard; gives up some day.

    Calls by address what does nothing: LLVM has to believe that it may change the flags.
    """
    flags[RUNS] = 1
    for _ in range(1 << 28):
        call_optimizer(flags[CALLED], (settings, vectors, 0))
        if flags[HEARD]:
            return 1
    return 0


WAIT = Signature(I8, (written(I8), written(F8), written(F4)))


@compiles
def test_python_runs_beside_a_kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    monkeypatch.setattr(Kernel, "_source", lambda self: Source(wait, WAIT, set()))
    kernel, flags, found = Kernel("some.kernel", WAIT), np.zeros(3, np.int64), []
    nothing = np.zeros(layout.SETTINGS), np.zeros(layout.VECTORS, np.float32)
    call = kernel.call
    monkeypatch.undo()
    flags[CALLED] = kinds.OPTIMIZERS[layout.SGD].entry
    thread = threading.Thread(target=lambda: found.append(call(flags, *nothing)))
    thread.start()
    while thread.is_alive() and not flags[RUNS]:
        pass
    flags[HEARD] = 1
    thread.join()
    assert found == [1]


def test_a_kernel_and_its_caller_agree_on_the_signature() -> None:
    with pytest.raises(TypeError, match="another signature"):
        Kernel("optimizers.sgd", WAIT)._source()
    assert Kernel("optimizers.sgd", OPTIMIZER)._source().signature is OPTIMIZER


REFUSED = [
    np.zeros(8),
    np.zeros(8, ">f4"),
    np.zeros((2, 4), np.float32),
    np.zeros(16, np.float32)[::2],
    np.zeros(33, np.uint8)[1:].view(np.float32),
    np.zeros(8, np.float32).view(np.recarray),
    [0.0] * 8,
    None,
    8,
]


@compiles
@pytest.mark.parametrize("wrong", REFUSED, ids=lambda wrong: type(wrong).__name__)
@pytest.mark.parametrize("place", range(3))
def test_wrong_arrays_are_refused_untouched(wrong: Any, place: int) -> None:
    given: list[Any] = [np.ones(8, np.float32) for _ in range(3)]
    given[place] = wrong
    with pytest.raises(LocalProtocolError, match=f"advance: array {place + 1} must be"):
        updates.advance(*given)
    with pytest.raises(LocalProtocolError, match=f"difference: array {place + 1} must be"):
        updates.difference(*given)
    assert all((np.asarray(array) == 1).all() for at, array in enumerate(given) if at != place)


@compiles
def test_read_only_arrays_are_read_but_not_written() -> None:
    constant, out = np.ones(4, np.float32), np.zeros(4, np.float32)
    constant.flags.writeable = False
    assert updates.difference(constant, out, out) == 2.0
    with pytest.raises(LocalProtocolError, match="array 3"):
        updates.difference(out, out, constant)


@compiles
def test_wrong_numbers_raise_as_in_python() -> None:
    target, where = np.ones(4, np.float32), np.arange(4, dtype=np.int32)
    with pytest.raises(TypeError, match="real number"):
        scatter.scatter_add(target, where, target, "one")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="bad argument"):
        updates.ADVANCE_KERNEL.call(target, target)
    updates.approach(target, target, np.float32(0.5))
    assert (target == 1).all()


def test_sizes_must_fit() -> None:
    long, short = np.ones(5, np.float32), np.ones(4, np.float32)
    where = np.arange(4, dtype=np.int32)
    for call in (
        lambda: updates.difference(long, short, long),
        lambda: updates.advance(long, long, short),
        lambda: updates.approach(long, short, 0.5),
        lambda: scatter.scatter_add(long, where, long, 1.0),
    ):
        with pytest.raises(LocalProtocolError, match="equal sizes"):
            call()
    assert (long == 1).all()
