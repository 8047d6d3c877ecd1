"""A model that can be used: what the cluster agreed on, the parameters, the agreed statistics.

As bytes: a mark, a checksum, and one msgpack list of manifest body, parameters and scale.
"""

import hashlib
from functools import cached_property
from typing import Any, Final

import msgpack
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.errors import StateError, Untrusted
from gossipfl.learning.basis import Basis
from gossipfl.learning.dataset import Dataset
from gossipfl.learning.pipeline import transform
from gossipfl.learning.report import Report, judge_outputs
from gossipfl.learning.statistics import Scale
from gossipfl.learning.training import predict
from gossipfl.manifest import Manifest, decode_manifest

Floats = NDArray[np.float32]
MARK: Final = b"gossipfl model 1\n"
CHECKSUM_BYTES: Final = 16
# The longest manifest, the largest model and its statistics together stay well below.
TRAINED_BYTES_MAX: Final = 2 * 1024 * 1024


@frozen(eq=False, slots=False)
class TrainedModel:
    """Ready to predict.

    parameters: f32[d].
    scale: the statistics that inputs are standardised with; None when the cluster uses none.
    Raises StateError when the parts do not belong together.
    """

    manifest: Manifest
    parameters: Floats
    scale: Scale | None

    def __attrs_post_init__(self) -> None:
        manifest = self.manifest
        self._check("parameters", self.parameters, manifest.model().parameters)
        groups = manifest.groups
        if (self.scale is None) != (groups == 0):
            raise StateError("the model's statistics do not suit its manifest; export it again")
        if self.scale is not None:
            self._check("means", self.scale.mean, groups)
            self._check("deviations", self.scale.inverse_deviation, groups)

    def _check(self, name: str, vector: Floats, length: int) -> None:
        if vector.shape != (length,) or vector.dtype != np.float32:
            raise StateError(f"the model's {name} do not suit its manifest; export it again")
        if not np.isfinite(vector).all():
            raise StateError(f"the model's {name} are not finite numbers; train it again")

    @cached_property
    def _basis(self) -> Basis:
        return self.manifest.input_basis()

    def outputs(self, features: Floats) -> Floats:
        """f32[n, outputs] logits or values for raw readings f32[n, columns].

        See `report.probabilities` for what logits mean.
        """
        inputs = transform(self._basis, features, self.scale)
        return predict(self.manifest.model(), self.parameters, inputs)

    def judge(self, readings: Dataset) -> Report:
        """What the model is worth on readings with their answers.  Raises DataError."""
        loss = self.manifest.model().loss
        return judge_outputs(loss, self.outputs(readings.features), readings)

    def encode(self) -> bytes:
        """The content of a model file."""
        scale = None
        if self.scale is not None:
            scale = [_pack(self.scale.mean), _pack(self.scale.inverse_deviation)]
        body = bytes(msgpack.packb([self.manifest.body, _pack(self.parameters), scale]))
        return MARK + _checksum(body) + body


def decode_trained(content: bytes) -> TrainedModel:
    """The reverse of `encode`.  Raises StateError for anything else."""
    head = len(MARK) + CHECKSUM_BYTES
    if not content.startswith(MARK):
        raise StateError("not a model file of this version; make one with `gossipfl train`")
    if content[len(MARK) : head] != _checksum(content[head:]):
        raise StateError("the model file is damaged: its checksum differs; make it anew")
    try:
        body, parameters, scale = _unpack(content[head:])
        manifest = decode_manifest(body)
        if not isinstance(manifest, Manifest):
            raise TypeError("a model of layers is needed")
        return TrainedModel(manifest, _floats(parameters), _scale(scale))
    except (ValueError, TypeError, Untrusted):
        raise StateError("the model file is of another version; make it anew") from None


def _unpack(packed: bytes) -> tuple[bytes, Any, Any]:
    body, parameters, scale = msgpack.unpackb(packed)
    if not isinstance(body, bytes):
        raise TypeError("a manifest is bytes")
    return body, parameters, scale


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
