"""The agreement of a cluster that trains models of layers, and how any agreement is read."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final, Literal

import attrs
import msgpack
import numpy as np
from attrs import field, frozen
from cattrs.errors import ClassValidationError
from numpy.typing import NDArray

from gossipfl.agreement import Agreement, converter, one_of
from gossipfl.data.basis import Basis, parse_basis
from gossipfl.data.schema import Schema
from gossipfl.data.statistics import groups_of, is_local
from gossipfl.errors import ConfigError, Untrusted
from gossipfl.foreign import ForeignManifest
from gossipfl.learning.settings import TrainingSettings
from gossipfl.learning.training import class_weights
from gossipfl.models.declaration import declare, describe
from gossipfl.models.layers import Dense, Layer
from gossipfl.models.personalisation import Personalisation, Split, split
from gossipfl.models.quantised import Quantise, quantised
from gossipfl.models.sequential import LOSSES, Loss, Sequential, natural_shape, perceptron
from gossipfl.security.signed import open_signed

KIND: Final = "manifest"
# A node's statistics travel in one message: two float32 an input.
STANDARDISED_MAX: Final = 51_200


def _layers(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    return tuple(layers)


def _shape(shape: Iterable[int]) -> tuple[int, ...]:
    return tuple(shape)


def _loss(name: Loss | Literal["auto"], classes: int) -> Loss:
    """The loss for a schema of so many classes, 0 for values.  Raises ConfigError."""
    if name == "auto":
        return "cross-entropy" if classes else "squared-error"
    if name == "cross-entropy" and not classes:
        raise ConfigError("the loss cross-entropy is for classes: choose another, or auto")
    if name in ("squared-error", "huber") and classes:
        raise ConfigError(f"the loss {name} is for values, not for classes: choose auto")
    if name == "binary" and classes not in (0, 2):
        raise ConfigError(f"the loss binary tells 2 classes apart, not {classes}: choose auto")
    return name


@frozen(kw_only=True, slots=False)
class Manifest(Agreement):
    """An agreement on a model of layers and on the readings that it learns from.

    schema: columns of the readings, and the target.
    standardise: "none", "feature", or "channel:C" for windows of C channels; with "local:" in front
        every node goes by its own statistics and tells nobody.
    basis: input basis, "identity", "dct1:TxC:M" or "dct2:HxW:M".
    layers: what lies before the last layer, which is Dense and has an output for every class.
    shape: what the layers see an example as, such as (28, 28, 1); () is as the schema has it.
    loss: "auto" (cross-entropy for classes, else squared-error), "binary" (two classes by one
        logit, or targets that are 0 or 1), "huber", or one of those that "auto" picks.
    training: optimizer, learning rate, local steps; see TrainingSettings.
    quantise: "none", or "int8" for a model that is trained to run in integers: of Dense,
        convolutions, pools, ReLU and Dropout alone.
    personal: layers that stay with each node, and how they are trained; see Personalisation.
    Raises ConfigError for a value outside its range, and for parts that do not fit together.
    """

    schema: Schema
    standardise: str = "feature"
    basis: str = "identity"
    layers: tuple[Layer, ...] = field(default=perceptron((32,)), converter=_layers)
    shape: tuple[int, ...] = field(default=(), converter=_shape)
    loss: Literal["auto", "cross-entropy", "squared-error", "binary", "huber"] = field(
        default="auto", validator=one_of("auto", *LOSSES)
    )
    quantise: Quantise = field(default="none", validator=one_of("none", "int8"))
    training: TrainingSettings = attrs.Factory(TrainingSettings)
    personal: Personalisation = attrs.Factory(Personalisation)

    def __attrs_post_init__(self) -> None:
        if self.groups > STANDARDISED_MAX:
            raise ConfigError(
                f"at most {STANDARDISED_MAX} inputs are standardised one by one; "
                'use standardise "channel:C" for windows, or "none"'
            )
        # Both raise ConfigError: when the parts do not fit together, and when they are too long.
        class_weights(self.model(), self.training)
        self.split()
        _ = self.body

    @property
    def standardises(self) -> bool:
        """Whether inputs are standardised."""
        return self.standardise != "none"

    @property
    def groups(self) -> int:
        """Input statistics of a node; 0 when nothing is standardised."""
        return groups_of(self.standardise, self.schema.inputs)

    @property
    def pools_statistics(self) -> bool:
        """Whether inputs are standardised with statistics that the cluster agrees on."""
        return self.standardises and not is_local(self.standardise)

    @property
    def is_personal(self) -> bool:
        """Whether nodes end up with models of their own."""
        return self.personal != Personalisation() or is_local(self.standardise)

    @property
    def private(self) -> tuple[str, ...]:
        """The private layers, as a summary names them."""
        return self.split().names

    @property
    def parameters(self) -> int:
        """Length d of the vector that is gossiped: the model's, less the private layers."""
        return self.split().size

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """(start, stop) of each shared tensor in that vector."""
        return self.split().ranges

    def split(self) -> Split:
        """Which entries of the model are gossiped.  Raises ConfigError like `model`."""
        return self._split

    @cached_property
    def _split(self) -> Split:
        return split(self.model(), self.personal.private)

    def summary(self) -> str:
        """One line for people: shapes, parameters, bytes, multiply-adds."""
        return self.model().summary()

    def input_basis(self) -> Basis:
        """The projection in front of the model."""
        return parse_basis(self.basis)

    def model(self) -> Sequential:
        """What is learnt.  Raises ConfigError when it is too large or does not fit."""
        return self._model

    @cached_property
    def _model(self) -> Sequential:
        classes = len(self.schema.classes)
        loss = _loss(self.loss, classes)
        basis = self.input_basis()
        inputs = basis.inputs(self.schema.inputs)
        shape = self.shape or natural_shape(self.layers, basis.shape(self.schema.shape))
        last = Dense(1 if loss == "binary" and classes else self.schema.outputs)
        layers = (*self.layers, last)
        if self.quantise == "int8":
            layers = quantised(layers)
        model = Sequential(*layers, shape=shape, loss=loss)
        if model.inputs != inputs:
            raise ConfigError(
                f"the shape {shape} has {model.inputs} entries, but an example has {inputs}"
            )
        return model

    def initial(self) -> NDArray[np.float32]:
        """w0 as far as it is gossiped, float32[d], the same bits on every device."""
        return self.initial_model()[self.split().shared]

    def whole(self, shared: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model around what is gossiped, with private layers as they begin."""
        model = self.initial_model()
        model[self.split().shared] = shared
        return model

    def initial_model(self) -> NDArray[np.float32]:
        """w0 with private layers and all; they start alike too."""
        return self.model().initial(self.seed)


converter.register_structure_hook(Layer, lambda plain, _: declare(plain))
converter.register_unstructure_hook_func(lambda kind: kind is Layer, describe)
converter.register_structure_hook(
    tuple[str, ...] | int,
    lambda value, _: value if isinstance(value, int) else tuple(map(str, value)),
)


def open_manifest(signed: bytes, authority: bytes) -> Agreement:
    """The agreement in a signed envelope.  Raises Untrusted unless the authority signed it."""
    return decode_manifest(open_signed(signed, kind=KIND, authority=authority))


def decode_manifest(body: bytes) -> Agreement:
    """The agreement in signed bytes.  Raises Untrusted for anything `body` does not produce."""
    try:
        plain: Any = msgpack.unpackb(body)
        kind = ForeignManifest if "framework" in plain else Manifest
        manifest: Agreement = converter.structure(plain, kind)
        if manifest.body == body:
            return manifest
    except (ValueError, TypeError, AttributeError, ClassValidationError):
        pass  # type and attribute errors are cattrs' answer to bodies that are no map
    raise Untrusted("the manifest is damaged or of another version: ask for a new one")
