"""A MicroPython interpreter in a process of its own, and the agent on it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import gossipfl.node
from tests.firmware.library import SMALL, Floats, Sizes
from tests.firmware.look import Look

PACKAGE = Path(gossipfl.node.__path__[0]) / "firmware" / "micropython"
RIG = Path(__file__).parent / "rig.py"
_FOLDERS = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
MICROPYTHON = shutil.which("micropython", path=_FOLDERS)
NO_MICROPYTHON = "no MicroPython here (micropython): its device is not tested"


class Interpreter:
    """One process, which functions of rig.py are called in.

    heap: its bytes, as MicroPython's -X heapsize takes them.
    """

    def __init__(self, heap: str = "2M") -> None:
        assert MICROPYTHON is not None
        self._process = subprocess.Popen(
            [MICROPYTHON, "-X", f"heapsize={heap}", str(RIG), str(PACKAGE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, name: str, *arguments: Any) -> Any:
        """Bytes go over as hexadecimal; what comes back is for the caller to read."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([name, *map(_plain, arguments)]) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, f"MicroPython ended in {name}"
        return json.loads(line)

    def kill(self) -> None:
        """As a power cut does."""
        self._process.kill()
        self._process.communicate()


def _plain(argument: Any) -> Any:
    if isinstance(argument, np.ndarray):
        argument = np.ascontiguousarray(argument, "<f4").tobytes()
    if isinstance(argument, bytes):
        return argument.hex()
    return list(map(_plain, argument)) if isinstance(argument, list | tuple) else argument


def room_of(sizes: Sizes) -> dict[str, int]:
    """As the agent takes it."""
    names = ("parameters", "layers", "units", "batch", "entries", "message")
    return {name: getattr(sizes, name) for name in names}


def write_rows(path: Path, features: Floats, classes: Any) -> None:
    """A file as RowFile reads them."""
    layout = np.dtype([("class", "<u2"), ("features", "<f4", (features.shape[1],))])
    rows = np.empty(len(classes), layout)
    rows["class"], rows["features"] = classes, features
    path.write_bytes(rows.tobytes())


class Board:
    """One agent, learning from features f32[n, inputs] and classes.

    interpreter: nobody else's as long as this board is used.  directory: of its own.
    state: the folder that the agent keeps its files in.
    """

    misused_flash = False

    def __init__(
        self,
        interpreter: Interpreter,
        directory: Path,
        features: Floats,
        classes: Any,
        sizes: Sizes = SMALL,
        chance: int = 1,
    ) -> None:
        self.call = interpreter.call
        self.state = directory / "state"
        rows = directory / "rows"
        write_rows(rows, features, classes)
        shape = features.shape[1], int(np.max(classes)) + 1
        self.call(
            "start", str(self.state), str(rows), *shape, room_of(sizes), sizes.slot // 2, chance
        )

    def enrol(self, code: str) -> bool:
        return bool(self.call("enrol", code))

    def sleep(self, seconds: int) -> None:
        self.call("sleep", seconds)

    def wake(self) -> None:
        self.call("wake")

    def poll(self, gone_ms: int = 0, coming: bytes = b"") -> tuple[int, bytes]:
        """(milliseconds until something is due, what the device sent)."""
        due, sent = self.call("poll", gone_ms, coming)
        return 0xFFFFFFFF if due is None else due, bytes.fromhex(sent)

    def reset(self) -> None:
        self.call("reset")

    def cut_after(self, stored_bytes: int) -> None:
        self.call("cut_after", stored_bytes)

    def fill(self) -> None:
        """Its filesystem takes nothing more, until a reset."""
        self.call("fill")

    @property
    def dead(self) -> bool:
        return bool(self.call("look")["dead"])

    def vector(self, which: str, size: int) -> Floats:
        """A copy of "x", of the anchor "R" or of the residual "e"."""
        found = np.frombuffer(bytes.fromhex(self.call("vector", which)), "<f4")
        assert found.size == size
        return found.copy()

    def look(self) -> Look:
        found = self.call("look")
        del found["dead"]
        return Look(**{**found, "digest": bytes.fromhex(found["digest"])})
