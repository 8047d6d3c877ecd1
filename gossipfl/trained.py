"""A model that can be used: what the cluster agreed on, what it learnt, the agreed statistics.

As bytes: a mark, a checksum, and one msgpack list of manifest body, parameters or integers, scale.
"""

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import msgpack
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.data.basis import Basis
from gossipfl.data.dataset import Dataset
from gossipfl.data.pipeline import transform
from gossipfl.data.statistics import Scale
from gossipfl.errors import ConfigError, StateError, Untrusted
from gossipfl.int8.conversion import to_int8
from gossipfl.int8.inference import Int8Model, decode_int8
from gossipfl.learning.report import Report, judge_outputs
from gossipfl.learning.training import predict
from gossipfl.manifest import Manifest, decode_manifest

Floats = NDArray[np.float32]
CHECKSUM_BYTES: Final = 16
# The longest manifest, the largest model and its statistics together stay well below.
TRAINED_BYTES_MAX: Final = 2 * 1024 * 1024


class UsableModel(ABC):
    """Ready to predict.

    scale: the statistics that inputs are standardised with; None when the cluster uses none.
    """

    MARK: ClassVar[bytes]
    manifest: Manifest
    scale: Scale | None

    def outputs(self, features: Floats) -> Floats:
        """f32[n, outputs] logits or values for raw readings f32[n, columns].

        See `report.probabilities` for what logits mean.
        """
        return self._run(transform(self._basis, features, self.scale))

    def judge(self, readings: Dataset) -> Report:
        """What the model is worth on readings with their answers.  Raises DataError."""
        loss = self.manifest.model().loss
        return judge_outputs(loss, self.outputs(readings.features), readings)

    def encode(self) -> bytes:
        """The content of a model file."""
        scale = None
        if self.scale is not None:
            scale = [_pack(self.scale.mean), _pack(self.scale.inverse_deviation)]
        body = bytes(msgpack.packb([self.manifest.body, self._learnt(), scale]))
        return self.MARK + _checksum(body) + body

    @abstractmethod
    def integers(self) -> "IntegerModel":
        """The same in 8-bit integers.  Raises ConfigError unless it was trained for that."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes of what was learnt."""

    @classmethod
    @abstractmethod
    def _read(cls, manifest: Manifest, learnt: bytes, scale: Scale | None) -> Self:
        """The reverse of `_learnt`."""

    @abstractmethod
    def _learnt(self) -> bytes: ...

    @abstractmethod
    def _run(self, inputs: Floats) -> Floats: ...

    @cached_property
    def _basis(self) -> Basis:
        return self.manifest.input_basis()

    def _check_scale(self) -> None:
        groups = self.manifest.groups
        if (self.scale is None) != (groups == 0):
            raise StateError("the model's statistics do not suit its manifest; export it again")
        if self.scale is not None:
            _check("means", self.scale.mean, groups)
            _check("deviations", self.scale.inverse_deviation, groups)


@frozen(eq=False, slots=False)
class TrainedModel(UsableModel):
    """As it was trained.

    parameters: f32[d].
    Raises StateError when the parts do not belong together.
    """

    MARK = b"gossipfl model 1\n"

    manifest: Manifest
    parameters: Floats
    scale: Scale | None

    def __attrs_post_init__(self) -> None:
        _check("parameters", self.parameters, self.manifest.model().parameters)
        self._check_scale()

    def integers(self) -> "IntegerModel":
        network = to_int8(self.manifest.model(), self.parameters)
        return IntegerModel(self.manifest, network, self.scale)

    @property
    def size(self) -> int:
        return self.parameters.nbytes

    @classmethod
    def _read(cls, manifest: Manifest, learnt: bytes, scale: Scale | None) -> Self:
        return cls(manifest, _floats(learnt), scale)

    def _learnt(self) -> bytes:
        return _pack(self.parameters)

    def _run(self, inputs: Floats) -> Floats:
        return predict(self.manifest.model(), self.parameters, inputs)


@frozen(eq=False, slots=False)
class IntegerModel(UsableModel):
    """In 8-bit integers.  Raises StateError when the parts do not belong together."""

    MARK = b"gossipfl int8 1\n"

    manifest: Manifest
    network: Int8Model
    scale: Scale | None

    def __attrs_post_init__(self) -> None:
        self._check_scale()

    def integers(self) -> "IntegerModel":
        return self

    @property
    def size(self) -> int:
        return self.network.size

    @classmethod
    def _read(cls, manifest: Manifest, learnt: bytes, scale: Scale | None) -> Self:
        return cls(manifest, decode_int8(manifest.model(), learnt), scale)

    def _learnt(self) -> bytes:
        return self.network.encode()

    def _run(self, inputs: Floats) -> Floats:
        return self.network.outputs(inputs)


_KINDS: Final[tuple[type[UsableModel], ...]] = (TrainedModel, IntegerModel)


def decode_trained(content: bytes) -> UsableModel:
    """The reverse of `encode`.  Raises StateError for anything else."""
    kind = next((kind for kind in _KINDS if content.startswith(kind.MARK)), None)
    if kind is None:
        raise StateError("not a model file of this version; make one with `gossipfl train`")
    sealed = content[len(kind.MARK) :]
    if sealed[:CHECKSUM_BYTES] != _checksum(sealed[CHECKSUM_BYTES:]):
        raise StateError("the model file is damaged: its checksum differs; make it anew")
    try:
        body, learnt, scale = _unpack(sealed[CHECKSUM_BYTES:])
        manifest = decode_manifest(body)
        if not isinstance(manifest, Manifest):
            raise TypeError("a model of layers is needed")
        return kind._read(manifest, learnt, _scale(scale))
    except (ValueError, TypeError, Untrusted, ConfigError):
        raise StateError("the model file is of another version; make it anew") from None


def _unpack(packed: bytes) -> tuple[bytes, bytes, Any]:
    body, learnt, scale = msgpack.unpackb(packed)
    if not isinstance(body, bytes) or not isinstance(learnt, bytes):
        raise TypeError("manifests and what was learnt are bytes")
    return body, learnt, scale


def _check(name: str, vector: Floats, length: int) -> None:
    if vector.shape != (length,) or vector.dtype != np.float32:
        raise StateError(f"the model's {name} do not suit its manifest; export it again")
    if not np.isfinite(vector).all():
        raise StateError(f"the model's {name} are not finite numbers; train it again")


def _scale(vectors: Any) -> Scale | None:
    if vectors is None:
        return None
    mean, inverse_deviation = map(_floats, vectors)
    return Scale(mean=mean, inverse_deviation=inverse_deviation)


def _pack(vector: Floats) -> bytes:
    return vector.astype("<f4").tobytes()


def _floats(raw: bytes) -> Floats:
    return np.frombuffer(raw, "<f4").astype(np.float32)


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=CHECKSUM_BYTES).digest()
