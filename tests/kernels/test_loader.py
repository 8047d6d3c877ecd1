"""Both ways of loading object code, and what the quick one does to it."""

import os
import struct
import sys

import numpy as np
import pytest

from gossipfl.kernels import cache, kinds, layout, loader
from gossipfl.kernels.elf import Elf
from gossipfl.kernels.native import Kernel
from gossipfl.kernels.presence import DISABLED

compiles = pytest.mark.skipif(DISABLED, reason="nothing is compiled")
GROUPS = (kinds.LAYERS, kinds.LOSSES, kinds.OPTIMIZERS, kinds.SHARED)


def code_of(kernel):
    kernel.entry  # noqa: B018  (compiles)
    code = cache.read(kernel.name)
    assert code is not None
    return code


@compiles
@pytest.mark.parametrize("way", ["_load_by_llvm", "_load_here"])
def test_both_ways_lead_to_the_same_function(way):
    """One with constants, and a call of the C library's logarithm."""
    code, rng = code_of(kinds.LOSSES[layout.CROSS_ENTROPY]), np.random.default_rng(0)
    if way == "_load_by_llvm":
        address = loader._load_by_llvm(code)
    elif sys.platform == "linux":
        address = loader._load_here(Elf(code), loader.MACHINES[os.uname().machine])
    else:
        pytest.skip("LLVM's is the only way here")
    row = np.zeros(layout.COLUMNS, np.int64)
    row[[layout.INPUTS, layout.OUTPUTS, layout.SOURCE, layout.RESULT]] = 6, 1, 16, 80
    row[[layout.SOURCE_GRADIENT, layout.SCRATCH]] = 144, 208
    workspace = rng.normal(size=224).astype(np.float32)
    workspace[80:87] = 3
    expected = workspace.copy()
    loss = kinds.LOSSES[layout.CROSS_ENTROPY]
    other = Kernel(loss.name, loss.signature)
    other.entry = address
    for memory, kernel in ((expected, loss), (workspace, other)):
        kernel(row, memory, memory, memory, 7, row)
    assert workspace.tobytes() == expected.tobytes()
    assert workspace[208] > 0


@compiles
@pytest.mark.skipif(sys.platform != "linux", reason="LLVM loads everything here")
def test_most_kernels_need_no_llvm_to_be_loaded():
    """What a perceptron trains with."""
    places = loader.MACHINES[os.uname().machine].places
    for group, kind in zip(GROUPS, (layout.DENSE, layout.CROSS_ENTROPY, 0, 0), strict=True):
        kernels = group[kind] if isinstance(group[kind], tuple) else (group[kind],)
        for kernel in kernels:
            found = [kind for _, kind, *_ in Elf(code_of(kernel)).relocations()]
            assert set(found) <= places.keys()


@compiles
def test_relocations_that_are_not_known_are_left_to_llvm(monkeypatch):
    monkeypatch.setattr(loader, "MACHINES", {os.uname().machine: loader.Machine({})})
    monkeypatch.setattr(loader, "_load_by_llvm", lambda code: 7)
    assert loader.load(code_of(kinds.LOSSES[layout.CROSS_ENTROPY])) == 7


def test_addresses_are_written_as_each_processor_wants_them():
    """AArch64: MOVK X0, #0 takes 16 bits, in bits 5 to 20, and BL the distance in instructions."""
    value, here = 0x1234_5678_9ABC_DEF0, 0x1234_5678_9ABC_DEE4
    before, cases = struct.pack("<II", 0x1111_1111, 0xF280_0000), loader.MACHINES["aarch64"].places
    for kind, part in {264: 0xDEF0, 266: 0x9ABC, 268: 0x5678, 269: 0x1234}.items():
        image = bytearray(before)
        cases[kind](image, 4, value, here)
        assert struct.unpack("<II", image) == (0x1111_1111, 0xF280_0000 | part << 5)
    for there, distance in ((value, 3), (here - 8, 0x3FF_FFFE)):
        image = bytearray(struct.pack("<I", 0x9400_0000))
        cases[283](image, 0, there, here)
        assert struct.unpack("<I", image) == (0x9400_0000 | distance,)
    for machine, kind in (("aarch64", 257), ("x86_64", 1)):
        image = bytearray(12)
        loader.MACHINES[machine].places[kind](image, 4, value, here)
        assert image == bytes(4) + value.to_bytes(8, "little")
