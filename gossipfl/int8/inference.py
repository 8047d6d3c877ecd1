"""Models in 8-bit integers, to the bit as any other implementation of these rules makes them.

Codes.  A number x of the inputs becomes the code round(clip(x * (1 / step))), in float32, halves to
even; NaN becomes 0.  Codes are -127..127, or 0..255 for what a ReLU made; zero is always 0, also in
what convolutions add around images.  Weights are -127..127.

Sums.  Of a dense layer or convolution: bias + the sum of code times weight, over taps in the order
(row, column, channel); of an average: the sum of its codes.  They fit into 32 bits, whatever the
codes: an Int8Model cannot exist otherwise.

Rounding.  A sum becomes the code clip((sum * multiplier + 2**(shift - 1)) >> shift), in 64 bits,
with an arithmetic shift: halves upwards.  Multipliers are 0 to 2**31 - 1, shifts 1 to 62; a filter
has its own, an average one for all.  A ReLU is in the clip.  Largest entries are taken of codes.

Outputs.  The sums of the last stage are not rounded: float32(sum) * steps[filter], in float32.
"""

import math
from functools import cached_property
from typing import Any

import attrs
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gossipfl.errors import StateError
from gossipfl.int8.stages import Pair, Stage, Stages, size_of, stages_of
from gossipfl.kernels import layout
from gossipfl.models.sequential import Sequential

Floats = NDArray[np.float32]
Codes = NDArray[np.int16]
Sums = NDArray[np.int64]
SUM_MAX = 2**31 - 1
CODE_MAX = layout.LEVELS
SHIFT_MAX = 62
BLOCK = 1 << 22  # entries of patches that are laid out at a time


@attrs.frozen(eq=False, slots=False)
class Int8Model:
    """Integers that stand for a trained model.

    arrays: as `Stages.arrays` lists them.
    Raises ConfigError for a model that does not run in int8, StateError for arrays that break the
    rules above.
    """

    spec: Sequential
    arrays: dict[str, NDArray[Any]]

    def __attrs_post_init__(self) -> None:
        for name, kind, shape in self.stages.arrays():
            array = self.arrays.get(name)
            if array is None or array.dtype != np.dtype(kind) or array.shape != shape:
                raise StateError(f"int8 model: {name} does not suit its layers; make it anew")
        for number, stage in enumerate(self.stages.stages):
            if not self._obeys(number, stage):
                raise StateError(f"int8 model: stage {number} is out of range; make it anew")
        if not _positive(self.arrays["step"]):
            raise StateError("int8 model: its step is no positive number; make it anew")

    def _obeys(self, number: int, stage: Stage) -> bool:
        """Whether sums fit into 32 bits, and their rounding into 64."""
        largest = np.full(1, stage.taps * CODE_MAX, np.int64)
        if stage.kind == layout.CONVOLUTION:
            weights = np.abs(self.arrays[f"weights{number}"].astype(np.int64)).sum(1)
            largest = weights * CODE_MAX + np.abs(self.arrays[f"biases{number}"].astype(np.int64))
        if largest.max() > SUM_MAX:
            return False
        if not stage.computes:
            return True
        if stage.codes is None:
            return _positive(self.arrays[f"steps{number}"])
        shifts = self.arrays[f"shifts{number}"]
        inside = shifts.min() >= 1 and shifts.max() <= SHIFT_MAX
        return bool(inside and self.arrays[f"multipliers{number}"].min() >= 0)

    @cached_property
    def stages(self) -> Stages:
        """What it does."""
        return stages_of(self.spec)

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return size_of(self.stages.arrays())

    def encode(self) -> bytes:
        """All arrays, one behind the other."""
        return b"".join(self.arrays[name].tobytes() for name, _, _ in self.stages.arrays())

    def outputs(self, features: Floats) -> Floats:
        """f32[n, outputs] of features f32[n, inputs]."""
        found = np.empty((len(features), self.spec.outputs), np.float32)
        most = max(
            math.prod((*stage.result[:2], *stage.kernel, stage.image[2]))
            for stage in self.stages.stages
        )
        rows = max(1, BLOCK // most)
        for start in range(0, len(features), rows):
            found[start : start + rows] = self._run(features[start : start + rows])
        return found

    def _run(self, features: Floats) -> Floats:
        codes = quantise(features, self.arrays["step"][0], self.stages.codes)
        for number, stage in enumerate(self.stages.stages):
            codes = codes.reshape(-1, *stage.image)
            if not stage.computes:
                codes = _patches(codes, stage).max((3, 4))
                continue
            sums = self._sums(codes, number, stage)
            if stage.codes is None:
                numbers: Floats = sums.astype(np.float32) * self.arrays[f"steps{number}"]
                return numbers.reshape(len(features), -1)
            arrays = self.arrays[f"multipliers{number}"], self.arrays[f"shifts{number}"]
            codes = requantise(sums, *arrays, stage.codes)
        raise AssertionError("the last stage of a quantised model computes")

    def _sums(self, codes: Codes, number: int, stage: Stage) -> Sums:
        """i64[n, down, across, channels]; products in float64, where such sums are exact."""
        patches = _patches(codes, stage)
        if stage.kind == layout.AVERAGE_POOL:
            total: Sums = patches.sum((3, 4), dtype=np.int64)
            return total
        weights = self.arrays[f"weights{number}"].astype(np.float64)
        flat = patches.reshape(-1, stage.taps).astype(np.float64)
        sums: Sums = (flat @ weights.T).astype(np.int64) + self.arrays[f"biases{number}"]
        return sums.reshape(len(codes), *stage.result)


def decode_int8(spec: Sequential, content: bytes) -> Int8Model:
    """The reverse of `encode`.  Raises StateError for another length, and like Int8Model."""
    listed, start = stages_of(spec).arrays(), 0
    if len(content) != size_of(listed):
        raise StateError("int8 model: of another length than its layers need; make it anew")
    arrays: dict[str, NDArray[Any]] = {}
    for name, kind, shape in listed:
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(content, kind, count, start).reshape(shape)
        start += arrays[name].nbytes
    return Int8Model(spec, arrays)


def quantise(numbers: Floats, step: np.float32, codes: Pair) -> Codes:
    """The codes of numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.nan_to_num(numbers * (np.float32(1) / step), nan=0.0)
    rounded: Codes = np.rint(np.clip(scaled, *codes)).astype(np.int16)
    return rounded


def requantise(
    sums: Sums, multipliers: NDArray[np.int32], shifts: NDArray[np.uint8], codes: Pair
) -> Codes:
    """The codes of sums, whose last axis is that of the filters."""
    wide = shifts.astype(np.int64)
    found = (sums * multipliers.astype(np.int64) + (np.int64(1) << (wide - 1))) >> wide
    rounded: Codes = np.clip(found, *codes).astype(np.int16)
    return rounded


def _patches(codes: Codes, stage: Stage) -> Codes:
    """[n, down, across, kernel down, kernel across, channels], with zeros around where it takes."""
    around = [(0, 0)]
    for side in range(2):
        reach = (stage.result[side] - 1) * stage.stride[side] + stage.kernel[side]
        extra = max(reach - stage.image[side], 0)
        around.append((extra // 2, extra - extra // 2))
    padded = np.pad(codes, [*around, (0, 0)])
    windows = sliding_window_view(padded, stage.kernel, (1, 2))
    down, across = stage.stride
    chosen = windows[:, ::down, ::across][:, : stage.result[0], : stage.result[1]]
    patches: Codes = chosen.transpose(0, 1, 2, 4, 5, 3)
    return patches


def _positive(steps: NDArray[Any]) -> bool:
    return bool(np.isfinite(steps).all() and (steps > 0).all())
