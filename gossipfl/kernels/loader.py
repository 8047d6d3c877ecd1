"""Object code as LLVM emits it, made ready to run in this process.

LLVM could always do it, but brings 40 MB of itself into every process.  On Linux the little that
kernels need of a linker is done here: they are emitted for the large code model, and so refer to
everything by 64-bit addresses.
"""

import ctypes
import mmap
import os
import struct
import sys
from collections.abc import Callable

from gossipfl.kernels.elf import Elf

ENTRY = "kernel"
_PAGE = mmap.PAGESIZE
_loaded: list[object] = []  # what addresses lead into

_Place = Callable[[bytearray, int, int], None]


def _word(image: bytearray, offset: int, value: int) -> None:
    struct.pack_into("<Q", image, offset, value)


def _move(part: int) -> _Place:
    """A MOVZ or MOVK of AArch64: takes 16 bits of the value, the lowest if `part` is 0."""

    def place(image: bytearray, offset: int, value: int) -> None:
        (code,) = struct.unpack_from("<I", image, offset)
        bits = value >> 16 * part & 0xFFFF
        struct.pack_into("<I", image, offset, code & ~(0xFFFF << 5) | bits << 5)

    return place


# By machine, the relocations that the large code model has (System V ABI of each).
_PLACES: dict[str, dict[int, _Place]] = {
    "x86_64": {1: _word},
    "aarch64": {257: _word, 264: _move(0), 266: _move(1), 268: _move(2), 269: _move(3)},
}


def load(code: bytes) -> int:
    """The address of the function ENTRY, which stays valid while the process lives."""
    places = _PLACES.get(os.uname().machine) if sys.platform == "linux" else None
    if places is not None:
        elf = Elf(code)
        if all(kind in places for _, kind, *_ in elf.relocations()):
            return _load_here(elf, places)
    return _load_by_llvm(code)


def _load_here(elf: Elf, places: dict[int, _Place]) -> int:
    memory = mmap.mmap(-1, -(-elf.size // _PAGE) * _PAGE)
    anchor = ctypes.c_char.from_buffer(memory)
    start, library = ctypes.addressof(anchor), ctypes.CDLL(None, use_errno=True)

    def address(name: str, offset: int | None) -> int:
        if offset is not None:
            return start + offset
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0

    image = bytearray(elf.image)
    for offset, kind, name, value, addend in elf.relocations():
        places[kind](image, offset, address(name, value) + addend)
    memory[: len(image)] = bytes(image)
    _make_executable(library, start, len(memory))
    _loaded.append((memory, anchor))
    return start + elf.symbol(ENTRY)


def _make_executable(library: ctypes.CDLL, start: int, size: int) -> None:
    """No page is ever writable and executable at a time."""
    where = ctypes.c_void_p(start)
    if library.mprotect(where, ctypes.c_size_t(size), mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), "compiled code must not run here: mprotect")
    if os.uname().machine == "aarch64":  # its instruction cache does not follow by itself
        ctypes.CDLL("libgcc_s.so.1").__clear_cache(where, ctypes.c_void_p(start + size))


def _load_by_llvm(code: bytes) -> int:
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _loaded.append(engine)
    return int(engine.get_function_address(ENTRY))
