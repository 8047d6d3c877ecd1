"""Microcontrollers that QEMU emulates: the firmware's ports built, started, and looked into."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

import gossipfl.node
from gossipfl.errors import ConfigError

PORTS: Final = Path(gossipfl.node.__path__[0]) / "firmware" / "ports"
START_S: Final = 20.0
STACK_PAINT: Final = 0xA5
CONNECT_PAUSE_S: Final = 0.05


@frozen
class Kind:
    """What building and running one port takes.  tools: prefix of its compiler and friends."""

    name: str
    tools: str
    emulator: tuple[str, ...]

    def missing(self) -> list[str]:
        """Programs that are not installed here."""
        needed = ("make", f"{self.tools}gcc", f"{self.tools}nm", self.emulator[0])
        return [program for program in needed if shutil.which(program) is None]


RV32IMC: Final = "rv32,a=off,f=off,d=off"
KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("mps2-an386", "arm-none-eabi-", ("qemu-system-arm", "-M", "mps2-an386")),
        Kind(
            "riscv-virt",
            "riscv64-unknown-elf-",
            (
                "qemu-system-riscv32",
                "-M",
                "virt",
                "-bios",
                "none",
                "-cpu",
                "rv32,a=off,f=off,d=off",
            ),
        ),
    )
}


def write_rows(
    path: Path, features: NDArray[np.float32], classes: NDArray[np.int64], total: int | None = None
) -> None:
    """The header that ports take their samples from: features f32[n, inputs], classes i64[n].

    total: of the cluster's classes, where these rows lack the last ones.
    """
    rows = ",\\\n".join(
        "{" + ",".join(f"{float(value).hex()}f" for value in row) + "}" for row in features
    )
    path.write_text(
        f"#define SAMPLES {len(classes)}\n#define SAMPLE_INPUTS {features.shape[1]}\n"
        f"#define SAMPLE_CLASSES {total or int(classes.max()) + 1}\n"
        f"#define FEATURES {rows}\n#define CLASSES {','.join(map(str, classes.tolist()))}\n"
    )


def build(
    kind: Kind, rows: Path, folder: Path, config: Path | None = None, program: Path | None = None
) -> Path:
    """The firmware of one port.  Raises ConfigError with the compiler's words.

    config: a header with other sizes.  program: what to run instead of the agent.
    """
    if missing := kind.missing():
        raise ConfigError(f"{kind.name} needs {', '.join(missing)}: scripts/firmware installs them")
    target = folder / f"{kind.name}.elf"
    settings = [f"OUT={folder}", f"SAMPLES={rows}", f"CONFIG={config or ''}"]
    if program is not None:
        settings.append(f"PROGRAM={program.resolve()}")
    made = subprocess.run(
        ["make", "-s", "-f", PORTS / "Makefile", *settings, target],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise ConfigError(f"{kind.name} does not compile: {made.stderr.strip()[-2000:]}")
    return target


def sections(kind: Kind, program: Path) -> dict[str, int]:
    """Bytes of each section."""
    listed = subprocess.run(
        [f"{kind.tools}size", "-A", program], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in listed.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 3 and row[1].isdigit()}


def flash_bytes(found: dict[str, int]) -> int:
    """What the program takes, rows to learn from aside."""
    return found[".text"] + found.get(".data", 0)


def static_bytes(found: dict[str, int]) -> int:
    """Memory that is in use from the start; the stack comes on top."""
    return found.get(".data", 0) + found[".bss"]


@frozen
class Board:
    """A running one.  uart: its wire."""

    kind: Kind
    program: Path
    uart: socket.socket
    _monitor: socket.socket
    _folder: Path
    _symbols: dict[str, int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        listed = subprocess.run(
            [f"{self.kind.tools}nm", self.program], capture_output=True, text=True, check=True
        ).stdout
        rows = (line.split() for line in listed.splitlines())
        symbols = {row[2]: int(row[0], 16) for row in rows if len(row) == 3}
        object.__setattr__(self, "_symbols", symbols)

    def reset(self) -> None:
        """As by the board's button: what is in flash stays."""
        self._command("system_reset")

    def memory(self, address: int, length: int) -> bytes:
        """What lies there now."""
        path = self._folder / "memory"
        path.unlink(missing_ok=True)
        self._command(f'pmemsave {address} {length} "{path}"')
        deadline = time.monotonic() + START_S
        while not path.exists() or path.stat().st_size < length:
            if time.monotonic() > deadline:
                raise ConfigError(f"{self.kind.name}: the emulator does not answer")
            time.sleep(CONNECT_PAUSE_S)
        return path.read_bytes()

    def vector(self, symbol: str, size: int) -> NDArray[np.float32]:
        """float32[size] that the pointer of this name points to."""
        pointer = int.from_bytes(self.memory(self._symbols[symbol], 4), "little")
        return np.frombuffer(self.memory(pointer, 4 * size), "<f4").astype(np.float32)

    def stack_bytes(self) -> int:
        """How deep the stack has been."""
        bottom, top = self._symbols["stack_bottom"], self._symbols["stack_top"]
        stack = self.memory(bottom, top - bottom)
        return len(stack.lstrip(bytes([STACK_PAINT])))

    def _command(self, line: str) -> None:
        self._monitor.sendall(line.encode() + b"\n")


@contextmanager
def running(kind: Kind, program: Path, folder: Path) -> Iterator[Board]:
    """Start a board in an emulator, its wires in `folder`; ended with the context.

    Raises ConfigError when the emulator does not start.
    """
    wires = [folder / "uart", folder / "monitor"]
    flags = [f"unix:{wire},server=on,wait=off" for wire in wires]
    command = [*kind.emulator, "-display", "none", "-kernel", str(program)]
    process = subprocess.Popen(
        [*command, "-serial", flags[0], "-monitor", flags[1]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with _connect(wires[0]) as uart, _connect(wires[1]) as monitor:
            yield Board(kind, program, uart, monitor, folder)
    finally:
        process.kill()
        process.wait()


def _connect(path: Path) -> socket.socket:
    wire = socket.socket(socket.AF_UNIX)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with suppress(OSError):
            wire.connect(str(path))
            return wire
        time.sleep(CONNECT_PAUSE_S)
    wire.close()
    raise ConfigError("QEMU did not start in time")


def main() -> None:
    """Build every port with a few rows, and print what each takes; see `scripts/firmware`."""
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    rows = folder / "rows.h"
    write_rows(rows, np.zeros((1, 64), np.float32), np.array([9]))
    print(f"{'port':12}{'flash':>10}{'static RAM':>12}   bytes, rows and state aside")
    for kind in KINDS.values():
        found = sections(kind, build(kind, rows, folder))
        print(f"{kind.name:12}{flash_bytes(found):10,}{static_bytes(found):12,}")


if __name__ == "__main__":
    main()
