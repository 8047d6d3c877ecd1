"""What a device is asked to learn, and how much of that a given one can."""

from itertools import pairwise
from typing import Final

import numpy as np
from attrs import field, frozen

from gossipfl.compression import DenseCodec, SparseCodec
from gossipfl.compression.codec import Codec
from gossipfl.compression.limited import LimitedCodec
from gossipfl.compression.sparse import ONE_BIT_RATIO_MAX
from gossipfl.devices.messages import (
    HALF_BYTES,
    INTERVAL_S_MAX,
    MODEL_TOO_LARGE,
    OTHER_CLASSES,
    OTHER_INPUTS,
    Hello,
    Orders,
)
from gossipfl.devices.relay import Relay
from gossipfl.errors import ConfigError
from gossipfl.learning.settings import TrainingSettings
from gossipfl.models.layers import Dense, ReLU
from gossipfl.models.sequential import Sequential
from gossipfl.wire.messages import LINK_DIGEST_BYTES

NO_SEED: Final = bytes(LINK_DIGEST_BYTES)


@frozen(kw_only=True)
class DevicePlan:
    """Raises ConfigError for what the firmware does not do, and says what it does.

    keep_ratio: fraction of entries that a delta keeps, where the device has room for them.
    interval_s: between the starts of two of the device's rounds.
    """

    spec: Sequential
    settings: TrainingSettings
    keep_ratio: float = 0.02
    interval_s: int = 10
    widths: tuple[int, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.interval_s <= INTERVAL_S_MAX:
            raise ConfigError(f"interval_s is 0 to {INTERVAL_S_MAX}, not {self.interval_s}")
        _check_settings(self.settings)
        object.__setattr__(self, "widths", widths_of(self.spec))

    @property
    def step_size(self) -> float:
        """How far the steps of one round move along a constant gradient."""
        settings = self.settings
        return settings.learning_rate / (1 - settings.momentum) * settings.local_steps

    def reason_against(self, hello: Hello) -> int | None:
        """Why this device cannot take part: the reason of a Refusal."""
        reason = self.reason_against_rows(hello)
        if reason is not None:
            return reason
        fits = (
            self.spec.parameters <= hello.parameters_max
            and len(self.widths) - 1 <= hello.layers_max
            and sum(self.widths[1:]) <= hello.units_max
        )
        return None if fits else MODEL_TOO_LARGE

    def reason_against_rows(self, hello: Hello) -> int | None:
        """Why nothing can be learned from the device's samples."""
        if hello.inputs != self.widths[0]:
            return OTHER_INPUTS
        return OTHER_CLASSES if hello.classes != self.widths[-1] else None

    def keep(self, hello: Hello) -> int:
        """Entries of a delta of this device."""
        return min(max(1, round(self.keep_ratio * self.spec.parameters)), hello.entries_max)

    def orders(self, hello: Hello, *, rotate: bool) -> Orders:
        """For a device that nothing speaks against, and whose link stands."""
        settings, rate = self.settings, self.settings.learning_rate
        keep = self.keep(hello)
        if not hello.momentum:
            # Without a velocity, a step goes as far as many would with one.
            rate = min(10.0, rate / (1 - settings.momentum))
        return Orders(
            rotate=int(rotate),
            batch=min(settings.batch_size, hello.batch_max),
            steps=settings.local_steps,
            interval_s=self.interval_s,
            learning_rate=float(np.float32(rate)),
            momentum=settings.momentum if hello.momentum else 0.0,
            keep=keep,
            mark_bits=1 if keep <= ONE_BIT_RATIO_MAX * self.spec.parameters else 2,
            seed=NO_SEED,
            seed_bytes=0,
            widths=self.widths,
        )

    def scheme(self, hello: Hello) -> Relay:
        """The gateway's end of the link: deltas as long as the device can take, since what they
        cost is the gateway's to bear, and whole anchors.
        """
        sparse = self._codec(min(hello.entries_max, self.spec.parameters))
        room = hello.message_max - HALF_BYTES
        limited = LimitedCodec(sparse, sparse.keep_ratio, lambda: room)
        return self._relay(limited)

    def replayed(self) -> Relay:
        """The link's scheme as far as records of the past need one."""
        return self._relay(self._codec(1))

    def _relay(self, codec: Codec) -> Relay:
        return Relay(codec, DenseCodec(self.spec.parameters), self.step_size)

    def _codec(self, entries: int) -> SparseCodec:
        size = self.spec.parameters
        tensors = tuple((start, stop) for _, start, stop in self.spec.tensors)
        return SparseCodec(size, tensors, entries / size)


def widths_of(spec: Sequential) -> tuple[int, ...]:
    """Of the inputs and every layer.  Raises ConfigError unless the model is a perceptron."""
    shape = (Dense, *(kind for _ in range(len(spec.layers) // 2) for kind in (ReLU, Dense)))
    if tuple(map(type, spec.layers)) != shape or spec.loss != "cross-entropy":
        raise ConfigError(
            "microcontrollers learn softmax regression and perceptrons (Dense, ReLU, Dense, ...) "
            "with the loss cross-entropy; choose such a model for their cluster"
        )
    outputs = [bound.shape[-1] for bound in spec.bound[::2]]
    widths = (spec.inputs, *outputs)
    assert sum((a + 1) * b for a, b in pairwise(widths)) == spec.parameters
    return widths


def _check_settings(settings: TrainingSettings) -> None:
    plain = TrainingSettings(
        learning_rate=settings.learning_rate,
        momentum=settings.momentum,
        batch_size=settings.batch_size,
        local_steps=settings.local_steps,
    )
    if settings != plain:
        raise ConfigError(
            "microcontrollers train by sgd with a constant learning rate and momentum, and nothing "
            "else; leave schedules, decay, clipping, class weights and the like out"
        )
