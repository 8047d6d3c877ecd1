"""The model of a release as bytes, in parts that fit messages, each checked when it comes."""

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.releases.release import PART_BYTES, Release, hash_part
from gossipfl.wire.releases import WANTED_MAX

Vector = NDArray[np.float32]


def encode_content(model: Vector) -> bytes:
    """f32[d], the part of a model that is gossiped, as little-endian bytes.

    Raises ConfigError when it holds a number that is not finite.
    """
    if not np.isfinite(model).all():
        raise ConfigError("the model holds numbers that are not finite: train it again")
    return model.astype("<f4").tobytes()


def split_content(content: bytes) -> list[bytes]:
    """Its parts in order."""
    return [content[i : i + PART_BYTES] for i in range(0, len(content), PART_BYTES)]


class Content:
    """What we hold of one release's model, from nothing to all."""

    def __init__(self, release: Release, held: bytes = b"") -> None:
        """held: the whole of it, as it was stored; anything else is fetched anew."""
        self._release = release
        self._parts: dict[int, bytes] = {}
        self._model: Vector | None = None
        for index, part in enumerate(split_content(held)):
            self.add(index, part)

    @property
    def is_whole(self) -> bool:
        """Whether nothing lacks."""
        return len(self._parts) == len(self._release.parts)

    def add(self, index: int, part: bytes) -> bool:
        """Take one part; False unless it is what the operator signed."""
        hashes = self._release.parts
        if index >= len(hashes) or hash_part(part) != hashes[index]:
            return False
        self._parts[index] = part
        return True

    def part(self, index: int) -> bytes | None:
        """One that we hold."""
        return self._parts.get(index)

    def wanted(self) -> tuple[int, ...]:
        """Numbers of the next parts to ask for."""
        lacking = (i for i in range(len(self._release.parts)) if i not in self._parts)
        return tuple(index for index, _ in zip(lacking, range(WANTED_MAX), strict=False))

    def encode(self) -> bytes:
        """All parts that we hold, in order."""
        return b"".join(self._parts[index] for index in sorted(self._parts))

    def model(self, parameters: int) -> Vector | None:
        """f32[parameters]; None while it is not whole, or when it is no such model."""
        if self._model is None and self.is_whole and self._release.size == 4 * parameters:
            model = np.frombuffer(self.encode(), "<f4").astype(np.float32)
            self._model = model if np.isfinite(model).all() else None
        return self._model
