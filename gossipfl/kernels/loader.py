"""Object code as LLVM emits it, made ready to run in this process.

LLVM could always do it, but brings tens of megabytes of itself into every process.  On Linux the
little that kernels need of a linker is done here: they are emitted for the large code model, and so
refer to everything by 64-bit addresses.
"""

import contextlib
import ctypes
import mmap
import os
import struct
import sys
from collections.abc import Callable, Mapping

import attrs

from gossipfl.kernels.elf import Elf

ENTRY = "kernel"
_JUMP_BYTES_MAX = 16
_engines: list[object] = []  # of LLVM, into which addresses lead

Place = Callable[[bytearray, int, int, int], None]
"""Writes an address into the image, at an offset that has this address itself."""


def _word(image: bytearray, offset: int, value: int, _: int) -> None:
    struct.pack_into("<Q", image, offset, value)


def _move(part: int) -> Place:
    """A MOVZ or MOVK of AArch64: takes 16 bits of the value, the lowest if `part` is 0."""

    def place(image: bytearray, offset: int, value: int, _: int) -> None:
        (code,) = struct.unpack_from("<I", image, offset)
        bits = value >> 16 * part & 0xFFFF
        struct.pack_into("<I", image, offset, code & ~(0xFFFF << 5) | bits << 5)

    return place


def _branch(image: bytearray, offset: int, value: int, here: int) -> None:
    """A B or BL of AArch64: takes how far it is, in instructions."""
    (code,) = struct.unpack_from("<I", image, offset)
    distance = (value - here) >> 2 & 0x3FFFFFF
    struct.pack_into("<I", image, offset, code & ~0x3FFFFFF | distance)


@attrs.frozen
class Machine:
    """places: by kind, the relocations of the large code model (System V ABI of the processor).

    jump: code that jumps to the address behind it, where calls do not reach far enough.
    """

    places: dict[int, Place]
    jump: bytes = b""


MACHINES = {
    "x86_64": Machine({1: _word}),
    "aarch64": Machine(
        {
            **{257: _word, 264: _move(0), 266: _move(1), 268: _move(2), 269: _move(3)},
            **{282: _branch, 283: _branch},
        },
        jump=struct.pack("<II", 0x58000050, 0xD61F0200),  # LDR X16, 8;  BR X16
    ),
}


def load(code: bytes) -> int:
    """The address of the function ENTRY, which stays valid while the process lives."""
    machine = MACHINES.get(os.uname().machine) if sys.platform == "linux" else None
    if machine is not None:
        elf = Elf(code)
        if all(kind in machine.places for _, kind, *_ in elf.relocations()):
            return _load_here(elf, machine)
    return _load_by_llvm(code)


def _load_here(elf: Elf, machine: Machine) -> int:
    library, outside = ctypes.CDLL(None, use_errno=True), elf.outside()
    found = {name: _address(library, name) for name in outside}
    size = len(elf.image) + _JUMP_BYTES_MAX * (len(outside) + 1)
    start = _take_memory(library, size)
    image = link(elf, machine, found, start)
    ctypes.memmove(start, image, len(image))
    _make_executable(library, start, size)
    return start + elf.symbol(ENTRY)


def _take_memory(library: ctypes.CDLL, size: int) -> int:
    """Nobody gives it back: a thread may still be in there when Python ends."""
    library.mmap.restype = ctypes.c_void_p
    kind, rights = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE
    sizes = ctypes.c_size_t(size), rights, kind, -1, ctypes.c_long(0)
    start: int = library.mmap(None, *sizes)
    if start == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "no memory for compiled code: mmap")
    return start


def _address(library: ctypes.CDLL, name: str) -> int:
    """Of a function that this process has."""
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0


def link(elf: Elf, machine: Machine, outside: Mapping[str, int], start: int) -> bytes:
    """What has to lie at `start`, where functions from outside have these addresses."""
    image, jumps = bytearray(elf.image), dict(outside)
    if machine.jump:
        image.extend(bytes(-len(image) % _JUMP_BYTES_MAX))
        for name, address in outside.items():
            jumps[name] = start + len(image)
            image.extend(machine.jump + struct.pack("<Q", address))
    for offset, kind, name, inside, addend in elf.relocations():
        value = (jumps[name] if inside is None else start + inside) + addend
        machine.places[kind](image, offset, value, start + offset)
    return bytes(image)


def _make_executable(library: ctypes.CDLL, start: int, size: int) -> None:
    """No page is ever writable and executable at a time."""
    where = ctypes.c_void_p(start)
    if library.mprotect(where, ctypes.c_size_t(size), mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), "compiled code must not run here: mprotect")
    if os.uname().machine == "aarch64":  # whose instruction cache does not see what is written
        # Linux looks after pages that were never executable before; this one asks nobody.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libgcc_s.so.1").__clear_cache(where, ctypes.c_void_p(start + size))


def _load_by_llvm(code: bytes) -> int:
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    return int(engine.get_function_address(ENTRY))
