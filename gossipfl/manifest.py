"""What every node of a cluster must agree on: the model, its inputs, training and compression.

The operator signs it once; its hash is compared in every hello.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final, Literal

import attrs
import cattrs
import msgpack
import numpy as np
from attrs import field, frozen
from cattrs.errors import ClassValidationError
from numpy.typing import NDArray

from gossipfl.compression import Codec, DenseCodec, SparseCodec
from gossipfl.errors import ConfigError, Untrusted
from gossipfl.gossip.anchored import SEED_RATIO, AnchoredGossip
from gossipfl.gossip.plain import PlainGossip
from gossipfl.gossip.scheme import Scheme
from gossipfl.learning.basis import Basis, parse_basis
from gossipfl.learning.declaration import declare, describe
from gossipfl.learning.layers import Dense, Layer
from gossipfl.learning.schema import Schema
from gossipfl.learning.sequential import Sequential, natural_shape, perceptron
from gossipfl.learning.settings import TrainingSettings
from gossipfl.learning.statistics import groups_of
from gossipfl.security.fields import whole
from gossipfl.security.signed import BODY_MAX, open_signed

KIND: Final = "manifest"
ID_BYTES: Final = 16
# A node's statistics travel in one message: two float32 an input.
STANDARDISED_MAX: Final = 51_200
SEED_MAX: Final = 2**32 - 1
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,62}")

Check = Any  # attrs types a validator as a callable of Any


def _check_name(_: object, attribute: "attrs.Attribute[str]", value: object) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ConfigError(
            f"{attribute.name} is 1 to 63 letters, digits, dots, hyphens or underscores, the first "
            f"a letter or digit, not {str(value)[:80]!r}"
        )


def _check_share(_: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not 0 < value <= 1:
        raise ConfigError(f"{attribute.name} is above 0 and at most 1, not {value!r}")


def _layers(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    return tuple(layers)


def _shape(shape: Iterable[int]) -> tuple[int, ...]:
    return tuple(shape)


def _one_of(*allowed: str | int) -> Check:
    def check(_: object, attribute: "attrs.Attribute[str | int]", value: object) -> None:
        if value not in allowed:
            raise ConfigError(
                f"{attribute.name} is {' or '.join(map(str, allowed))}, not {value!r}"
            )

    return check


@frozen(kw_only=True, slots=False)
class Manifest:
    """One cluster's agreement.

    cluster: what the operator calls it.
    schema: columns of the readings, and the target.
    standardise: "none", "feature", or "channel:C" for windows of C channels.
    basis: input basis, "identity", "dct1:TxC:M" or "dct2:HxW:M".
    layers: what lies before the last layer, which is Dense and has an output for every class.
    shape: what the layers see an example as, such as (28, 28, 1); () is as the schema has it.
    seed: of the initial model.
    training: optimizer, learning rate, local steps; see TrainingSettings.
    scheme: "anchored", or "plain" for uncompressed gossip.
    keep_ratio: share of the parameters sent per message.
    bits: per parameter sent: 1, 2, or "auto".
    Raises ConfigError for a value outside its range, and for parts that do not fit together.
    """

    cluster: str = field(validator=_check_name)
    schema: Schema
    standardise: str = "feature"
    basis: str = "identity"
    layers: tuple[Layer, ...] = field(default=perceptron((32,)), converter=_layers)
    shape: tuple[int, ...] = field(default=(), converter=_shape)
    seed: int = field(default=0, validator=whole(0, SEED_MAX))
    training: TrainingSettings = attrs.Factory(TrainingSettings)
    scheme: Literal["anchored", "plain"] = field(
        default="anchored", validator=_one_of("anchored", "plain")
    )
    keep_ratio: float = field(default=0.02, validator=_check_share)
    bits: Literal[1, 2, "auto"] = field(default="auto", validator=_one_of(1, 2, "auto"))

    def __attrs_post_init__(self) -> None:
        if groups_of(self.standardise, self.schema.inputs) > STANDARDISED_MAX:
            raise ConfigError(
                f"at most {STANDARDISED_MAX} inputs are standardised one by one; "
                'use standardise "channel:C" for windows, or "none"'
            )
        self.model()  # raises ConfigError when the parts do not fit together
        if len(self.body) > BODY_MAX:
            raise ConfigError(
                f"the names of columns and classes take {len(self.body)} bytes, at most {BODY_MAX} "
                "fit: shorten them"
            )

    @property
    def standardises(self) -> bool:
        """Whether inputs are standardised with statistics that the cluster agrees on."""
        return self.standardise != "none"

    @cached_property
    def body(self) -> bytes:
        """What the authority signs: canonical, so equal manifests have equal ids."""
        return bytes(msgpack.packb(_converter.unstructure(self)))

    @property
    def id(self) -> bytes:
        """16 bytes that name this manifest."""
        return hashlib.blake2b(self.body, digest_size=ID_BYTES).digest()

    def input_basis(self) -> Basis:
        """The projection in front of the model."""
        return parse_basis(self.basis)

    def model(self) -> Sequential:
        """What is learnt.  Raises ConfigError when it is too large or does not fit."""
        return self._model

    @cached_property
    def _model(self) -> Sequential:
        basis = self.input_basis()
        inputs = basis.inputs(self.schema.inputs)
        shape = self.shape or natural_shape(self.layers, basis.shape(self.schema.shape))
        model = Sequential(
            *self.layers,
            Dense(self.schema.outputs),
            shape=shape,
            loss="cross-entropy" if self.schema.classes else "squared-error",
        )
        if model.inputs != inputs:
            raise ConfigError(
                f"the shape {shape} has {model.inputs} entries, but an example has {inputs}"
            )
        return model

    def initial(self) -> NDArray[np.float32]:
        """w0, float32[d], the same bits on every device."""
        return self.model().initial(self.seed)

    def make_scheme(self, codec: Codec | None = None) -> Scheme:
        """The gossip scheme for this model; with another codec than `make_codec` gives, if any."""
        spec = self.model()
        codec = codec or self.make_codec()
        if self.scheme == "plain":
            return PlainGossip(codec)
        seed_codec = attrs.evolve(self._sparse_codec(), keep_ratio=SEED_RATIO, bits=2)
        return AnchoredGossip(codec, seed_codec, spec.initial(self.seed))

    def make_codec(self) -> Codec:
        """What turns this model's differences into payloads under the scheme."""
        if self.scheme == "plain":
            return DenseCodec(self.model().parameters)
        return self._sparse_codec()

    def _sparse_codec(self) -> SparseCodec:
        spec = self.model()
        ranges = tuple((start, stop) for _, start, stop in spec.tensors)
        return SparseCodec(spec.parameters, ranges, keep_ratio=self.keep_ratio, bits=self.bits)


_converter = cattrs.Converter(forbid_extra_keys=True)
_converter.register_structure_hook(Layer, lambda plain, _: declare(plain))
_converter.register_unstructure_hook_func(lambda kind: kind is Layer, describe)
_converter.register_structure_hook(
    tuple[str, ...] | int,
    lambda value, _: value if isinstance(value, int) else tuple(map(str, value)),
)
# 1 and 1.0 are equal, so they must look alike in the body.
_converter.register_unstructure_hook(float, float)


def open_manifest(signed: bytes, authority: bytes) -> Manifest:
    """The manifest in a signed envelope.  Raises Untrusted unless the authority signed it."""
    return decode_manifest(open_signed(signed, kind=KIND, authority=authority))


def decode_manifest(body: bytes) -> Manifest:
    """The manifest in signed bytes.  Raises Untrusted for anything `body` does not produce."""
    try:
        plain: Any = msgpack.unpackb(body)
        manifest = _converter.structure(plain, Manifest)
        if manifest.body == body:
            return manifest
    except (ValueError, TypeError, AttributeError, ClassValidationError):
        pass  # type and attribute errors are cattrs' answer to bodies that are no map
    raise Untrusted("the manifest is damaged or of another version: ask for a new one")
