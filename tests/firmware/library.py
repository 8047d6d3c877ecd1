"""The firmware's C sources as a shared library, so that tests call its functions by ctypes."""

import ctypes
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

import gossipfl.node

FIRMWARE = Path(gossipfl.node.__path__[0]) / "firmware"
RIG = Path(__file__).parent / "rig.c"
COMPILER = shutil.which("cc")
NO_COMPILER = "no C compiler here (cc): the firmware is not tested"
# As every port must be compiled: products and sums rounded one by one.
FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-ffp-contract=off")

Floats = NDArray[np.float32]


@frozen(kw_only=True)
class Sizes:
    """The numbers of config.h that tests choose."""

    parameters: int = 2410
    layers: int = 2
    inputs: int = 64
    units: int = 42
    batch: int = 16
    momentum: int = 0
    entries: int = 96
    message: int = 320
    slot: int = 49152
    checkpoint: int = 32
    upload: int = 0
    fixed: int = 0

    def flags(self) -> list[str]:
        """As the compiler takes them."""
        names: Mapping[str, int] = {
            "PARAMETERS_MAX": self.parameters,
            "LAYERS_MAX": self.layers,
            "INPUTS_MAX": self.inputs,
            "UNITS_MAX": self.units,
            "BATCH_MAX": self.batch,
            "MOMENTUM": self.momentum,
            "ENTRIES_MAX": self.entries,
            "MESSAGE_MAX": self.message,
            "SLOT_BYTES": self.slot,
            "EXCHANGES_PER_CHECKPOINT": self.checkpoint,
            "FIXED_POINT": self.fixed,
        }
        if self.upload:  # which says of itself how little room there is for models
            kept = ("INPUTS_MAX", "MESSAGE_MAX", "SLOT_BYTES")
            names = {"UPLOAD": 1, **{name: names[name] for name in kept}}
        return [f"-DGFL_{name}={value}" for name, value in names.items()]


# So little flash that checkpoints are frequent.
SMALL = Sizes(
    parameters=40, layers=2, inputs=5, units=8, batch=4, entries=24, message=128, slot=1152
)


def compile_c(output: Path, *arguments: str, sizes: Sizes | None = None) -> Path:
    """Run the compiler on all sources with more flags or files."""
    assert COMPILER
    sources = [str(path) for path in sorted((FIRMWARE / "src").glob("*.c"))]
    flags = (*FLAGS, *(sizes or Sizes()).flags(), "-I", str(FIRMWARE / "src"))
    subprocess.run([COMPILER, *flags, *sources, *arguments, "-o", str(output)], check=True)
    return output


class Firmware:
    """The library, and the types that its functions take."""

    def __init__(self, path: Path, sizes: Sizes) -> None:
        self.c = ctypes.CDLL(str(path))
        self.sizes = sizes
        self.Tensors = _structure(
            "tensors", count=ctypes.c_uint32, stops=ctypes.c_uint16 * (2 * sizes.layers)
        )
        self.Entries = _structure(
            "entries",
            count=ctypes.c_uint32,
            indices=ctypes.c_uint16 * sizes.entries,
            values=ctypes.c_float * sizes.entries,
            marks=ctypes.c_uint8 * sizes.entries,
        )
        self.Model = _structure(
            "model", layers=ctypes.c_uint32, widths=ctypes.c_uint16 * (sizes.layers + 1)
        )
        number = ctypes.c_int32 if sizes.fixed else ctypes.c_float
        grid = (number * sizes.units) * sizes.batch
        inputs = {"inputs": ctypes.c_int32 * sizes.inputs} if sizes.fixed else {}
        velocity = {"velocity": ctypes.c_float * sizes.parameters} if sizes.momentum else {}
        self.Workspace = _structure(
            "workspace",
            features=ctypes.c_float * sizes.inputs,
            outputs=ctypes.c_float * sizes.units,
            units=grid,
            errors=grid,
            **inputs,
            **velocity,
        )
        for name in ("gfl_exp", "gfl_log", "gfl_scale"):
            getattr(self.c, name).restype = ctypes.c_float
        for name in ("gfl_exp", "gfl_log"):
            getattr(self.c, name).argtypes = [ctypes.c_float]
        self.c.gfl_scale_code.argtypes = [ctypes.c_double]
        self.c.gfl_scale_code.restype = ctypes.c_uint8
        self.c.gfl_model_step.restype = ctypes.c_float
        self.c.gfl_model_outputs.restype = ctypes.POINTER(ctypes.c_float)
        self.c.gfl_encode.restype = ctypes.c_size_t
        for name in ("gfl_select", "gfl_decode", "gfl_open", "gfl_model_fits"):
            getattr(self.c, name).restype = ctypes.c_bool

    def model(self, *widths: int) -> Any:
        """A struct gfl_model."""
        return self.Model(len(widths) - 1, (ctypes.c_uint16 * (self.sizes.layers + 1))(*widths))

    def tensors(self, *stops: int) -> Any:
        """A struct gfl_tensors."""
        return self.Tensors(len(stops), (ctypes.c_uint16 * (2 * self.sizes.layers))(*stops))

    def encode(self, tensors: Any, residual: Floats, keep: int, bits: int) -> bytes | None:
        """The payload of a residual; None where it does not fit, or is not finite."""
        entries, out = self.Entries(), (ctypes.c_uint8 * self.sizes.message)()
        if not self.c.gfl_select(pointer(residual), residual.size, keep, ctypes.byref(entries)):
            return None
        length = self.c.gfl_encode(
            ctypes.byref(tensors), bits, ctypes.byref(entries), out, ctypes.c_size_t(len(out))
        )
        return bytes(out[:length]) or None

    def decode(self, tensors: Any, payload: bytes) -> tuple[list[int], list[float]] | None:
        """Indices and values; None for what is no delta."""
        entries = self.Entries()
        length = ctypes.c_size_t(len(payload))
        given = ctypes.byref(tensors), payload, length, ctypes.byref(entries)
        if not self.c.gfl_decode(*given):
            return None
        return entries.indices[: entries.count], entries.values[: entries.count]


def pointer(array: Floats) -> Any:
    """What C writes to or reads from."""
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))


def _structure(name: str, **fields: Any) -> Any:
    return type(name, (ctypes.Structure,), {"_fields_": list(fields.items())})
