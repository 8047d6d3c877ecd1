"""Both ways of loading object code, and what the quick one does to it."""

import os
import struct
import sys

import numpy as np
import pytest
from _cffi_backend import FFI

from gossipfl.kernels import cache, kinds, layout, loader
from gossipfl.kernels.elf import Elf
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
        address = loader._load_here(Elf(code), loader._PLACES[os.uname().machine])
    else:
        pytest.skip("LLVM's is the only way here")
    row = np.zeros(layout.COLUMNS, np.int64)
    row[[layout.INPUTS, layout.OUTPUTS, layout.SOURCE, layout.RESULT]] = 6, 1, 16, 80
    row[[layout.SOURCE_GRADIENT, layout.SCRATCH]] = 144, 208
    workspace = rng.normal(size=224).astype(np.float32)
    workspace[80:87] = 3
    expected = workspace.copy()
    for memory, function in (
        (expected, kinds.LOSSES[layout.CROSS_ENTROPY].call),
        (workspace, FFI().cast(kinds.LOSSES[layout.CROSS_ENTROPY].signature.c_type, address)),
    ):
        pointers = [FFI().from_buffer(array) for array in (row, memory, memory, memory)]
        function(*pointers, 7, pointers[0])
    assert workspace.tobytes() == expected.tobytes()
    assert workspace[208] > 0


@compiles
@pytest.mark.skipif(sys.platform != "linux", reason="LLVM loads everything here")
def test_most_kernels_need_no_llvm_to_be_loaded():
    """What a perceptron trains with."""
    places = loader._PLACES[os.uname().machine]
    for group, kind in zip(GROUPS, (layout.DENSE, layout.CROSS_ENTROPY, 0, 0), strict=True):
        kernels = group[kind] if isinstance(group[kind], tuple) else (group[kind],)
        for kernel in kernels:
            found = [kind for _, kind, *_ in Elf(code_of(kernel)).relocations()]
            assert set(found) <= places.keys()


@compiles
def test_relocations_that_are_not_known_are_left_to_llvm(monkeypatch):
    monkeypatch.setattr(loader, "_PLACES", {os.uname().machine: {}})
    monkeypatch.setattr(loader, "_load_by_llvm", lambda code: 7)
    assert loader.load(code_of(kinds.LOSSES[layout.CROSS_ENTROPY])) == 7


def test_addresses_are_written_as_each_processor_wants_them():
    """AArch64: MOVZ X0, #0, LSL 48 and MOVK X0, #0 take 16 bits each, in bits 5 to 20."""
    value = 0x1234_5678_9ABC_DEF0
    parts = {264: 0xDEF0, 266: 0x9ABC, 268: 0x5678, 269: 0x1234}
    for kind, part in parts.items():
        image = bytearray(struct.pack("<II", 0xD2E0_0000, 0xF280_0000))
        loader._PLACES["aarch64"][kind](image, 4, value)
        assert struct.unpack("<II", image) == (0xD2E0_0000, 0xF280_0000 | part << 5)
    for machine, kind in (("aarch64", 257), ("x86_64", 1)):
        image = bytearray(12)
        loader._PLACES[machine][kind](image, 4, value)
        assert image == bytes(4) + value.to_bytes(8, "little")
