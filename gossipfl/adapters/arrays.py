"""A foreign model's arrays, and the one float32 vector that a mesh makes of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from gossipfl.errors import ConfigError, TrainingFailed
from gossipfl.models.sequential import PARAMETERS_MAX

Vector = NDArray[np.float32]
Array = NDArray[Any]

NAME_MAX: Final = 200
DIMENSIONS_MAX: Final = 8
SHARED: Final = ("float16", "float32", "float64")
COUNTED: Final = ("bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
# A variance that merges had pushed below zero would make every output NaN, and statistics of the
# own inputs suit the own inputs best (FedBN, arXiv:2102.07623).
RUNNING: Final = ("running_mean", "running_var")


def _shape(shape: Iterable[int]) -> tuple[int, ...]:
    return tuple(shape)


@frozen(kw_only=True)
class ArraySpec:
    """One array: its name, shape and dtype, and where it starts.

    fill, limit: entries are uniform in fill +- limit at first; a limit of 0 is a constant.
    Raises ConfigError for a value outside its range.
    """

    name: str
    shape: tuple[int, ...] = field(converter=_shape)
    dtype: str = "float32"
    fill: float = 0.0
    limit: float = 0.0

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.name, str) or not 1 <= len(self.name) <= NAME_MAX:
            raise ConfigError(f"an array's name has 1 to {NAME_MAX} characters")
        whole = all(type(size) is int and 1 <= size <= PARAMETERS_MAX for size in self.shape)
        if not whole or len(self.shape) > DIMENSIONS_MAX or self.size > PARAMETERS_MAX:
            raise ConfigError(
                f"{self.name}: shape {self.shape} is too large; an array has at most "
                f"{PARAMETERS_MAX:,} entries and {DIMENSIONS_MAX} dimensions, none of them empty"
            )
        if self.dtype not in SHARED + COUNTED:
            raise ConfigError(f"{self.name}: {self.dtype!r:.40} is no dtype of a model's array")
        for value in (self.fill, self.limit):
            if not math.isfinite(value) or float(np.float32(value)) != value:
                raise ConfigError(f"{self.name}: {value!r} is not a finite float32")
        if self.limit < 0:
            raise ConfigError(f"{self.name}: the limit is 0 or more, not {self.limit!r}")

    @property
    def size(self) -> int:
        """Entries."""
        return math.prod(self.shape)

    @property
    def shared(self) -> bool:
        """Whether the mesh averages it: no counters, no running statistics."""
        return self.dtype in SHARED and self.name.rpartition(".")[2] not in RUNNING


def describe(named: Mapping[str, object]) -> tuple[ArraySpec, ...]:
    """The specs of a freshly made model's arrays.  Raises ConfigError.

    A vector of 51,200 parameters is too long to sign, so a constant array is kept as its constant
    and any other as mean and spread: every node draws it anew, alike, from the agreed seed.
    """
    return tuple(_describe(name, np.asarray(array)) for name, array in named.items())


def _describe(name: str, array: Array) -> ArraySpec:
    spec = ArraySpec(name=name, shape=array.shape, dtype=array.dtype.name)
    with np.errstate(over="ignore"):
        fits = bool(np.isfinite(array.astype(np.float32)).all())
    if not fits:
        raise ConfigError(f"{name}: an entry is not a finite float32 number")
    exact = array.astype(np.float64)
    constant = float(exact.max()) == float(exact.min())
    if not constant and spec.dtype in COUNTED:
        raise ConfigError(f"{name}: whole numbers that differ cannot start alike on every node")
    limit = 0.0 if constant else math.sqrt(3.0) * float(exact.std())
    fill = float(exact.flat[0]) if constant else float(exact.mean())
    return ArraySpec(
        name=name,
        shape=array.shape,
        dtype=spec.dtype,
        fill=float(np.float32(fill)),
        limit=float(np.float32(limit)),
    )


class Layout:
    """Where each array lies in the vector; arrays that are not shared stay beside it."""

    def __init__(self, specs: Sequence[ArraySpec]) -> None:
        self.specs = tuple(specs)
        self._shared = [spec for spec in self.specs if spec.shared]
        self._local = [spec for spec in self.specs if not spec.shared]

    @property
    def names(self) -> list[str]:
        """Of all arrays, in order."""
        return [spec.name for spec in self.specs]

    @property
    def size(self) -> int:
        """Length d of the vector."""
        return sum(spec.size for spec in self._shared)

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """(start, stop) of each shared array in the vector."""
        stops = np.cumsum([spec.size for spec in self._shared]).tolist()
        return tuple(zip([0, *stops], stops, strict=False))

    def initial(self, seed: int) -> Vector:
        """f32[d], the same bits on every platform."""
        rng = np.random.Generator(np.random.PCG64(seed))
        parts = [_start(spec, rng) for spec in self._shared]
        return _flat(parts)

    def local(self) -> list[Array]:
        """The arrays beside the vector, as they start."""
        return [np.full(spec.shape, spec.fill, spec.dtype) for spec in self._local]

    def join(self, vector: Vector, local: Sequence[Array]) -> list[Array]:
        """All arrays in order, new ones, of their own shapes and dtypes."""
        shared = iter(np.split(vector, [stop for _, stop in self.ranges]))
        beside = iter(local)
        return [
            np.array(next(shared if spec.shared else beside), spec.dtype).reshape(spec.shape)
            for spec in self.specs
        ]

    def split(self, arrays: Sequence[object]) -> tuple[Vector, list[Array]]:
        """The reverse of `join`.  Raises TrainingFailed for arrays of another model."""
        if len(arrays) != len(self.specs):
            raise TrainingFailed(
                f"the model has {len(arrays)} arrays, the cluster agreed on {len(self.specs)}"
            )
        pairs = list(zip(self.specs, map(np.asarray, arrays), strict=True))
        for spec, array in pairs:
            _check(spec, array)
        with np.errstate(over="ignore"):  # what does not fit is caught by its user as not finite
            shared = [array.astype(np.float32).ravel() for spec, array in pairs if spec.shared]
        local = [array.astype(spec.dtype) for spec, array in pairs if not spec.shared]
        return _flat(shared), local


def _flat(parts: list[Vector]) -> Vector:
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _start(spec: ArraySpec, rng: np.random.Generator) -> Vector:
    if not spec.limit:
        return np.full(spec.size, spec.fill, np.float32)
    draws = rng.random(spec.size, dtype=np.float32)
    return (draws * 2 - 1) * np.float32(spec.limit) + np.float32(spec.fill)


def _check(spec: ArraySpec, array: Array) -> None:
    family = SHARED if spec.dtype in SHARED else (spec.dtype,)
    if array.shape != spec.shape or array.dtype.name not in family:
        raise TrainingFailed(
            f"{spec.name} is {array.dtype} of shape {array.shape}, the cluster agreed on "
            f"{spec.dtype} of shape {spec.shape}"
        )
