"""How a node trains between two exchanges."""

import math
from typing import Any, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout

OPTIMIZERS: dict[str, int] = {"sgd": layout.SGD, "adam": layout.ADAM}
BATCH_MAX = 4096
STEPS_MAX = 100_000

Check = Any  # attrs types a validator as a callable of Any


def _real(low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> Check:
    """Validator: a finite number between the bounds."""
    span = f"{'above' if open_low else 'at least'} {low} and {'below' if open_high else 'at most'} "

    def validate(_: object, attribute: "attrs.Attribute[float]", value: float) -> None:
        inside = isinstance(value, (int, float)) and math.isfinite(value) and low <= value <= high
        if not inside or (open_low and value == low) or (open_high and value == high):
            raise ConfigError(f"{attribute.name} is {span}{high}, not {value!r}")

    return validate


def _whole(low: int, high: int) -> Check:
    """Validator: an integer between the bounds."""

    def validate(_: object, attribute: "attrs.Attribute[int]", value: int) -> None:
        if type(value) is not int or not low <= value <= high:
            raise ConfigError(f"{attribute.name} is an integer {low} to {high}, not {value!r}")

    return validate


@attrs.frozen(kw_only=True)
class TrainingSettings:
    """The local optimizer and how much it does per round.

    optimizer: "sgd" (with momentum) or "adam" (beta 0.9 and 0.999, epsilon 1e-8).
    learning_rate: how far a step goes; constant, since a device never knows when training ends.
        Higher: faster and noisier.  SGD on standardised inputs: 0.05 to 0.5; Adam: about 0.001.
    momentum: share of SGD's previous step that is kept, 0 to below 1.  Higher: smoother, and
        every step goes 1 / (1 - momentum) times as far.  Must be 0 with adam, which has its own.
    batch_size: rows per step, or all of them if there are fewer.
    local_steps: steps between two exchanges.  More: fewer bytes per step, more drift apart.
    weight_decay: share of every parameter taken off per step, times learning_rate.
    """

    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = attrs.field(default=0.1, validator=_real(0, 10, open_low=True))
    momentum: float = attrs.field(default=0.0, validator=_real(0, 1, open_high=True))
    batch_size: int = attrs.field(default=16, validator=_whole(1, BATCH_MAX))
    local_steps: int = attrs.field(default=5, validator=_whole(1, STEPS_MAX))
    weight_decay: float = attrs.field(default=0.0, validator=_real(0, 1))

    def __attrs_post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ConfigError(f"optimizer is {' or '.join(OPTIMIZERS)}, not {self.optimizer!r}")
        if self.optimizer == "adam" and self.momentum:
            raise ConfigError("adam has a momentum of its own: leave momentum at 0")

    @property
    def state_vectors(self) -> int:
        """Vectors of optimizer state that outlive a step."""
        if self.optimizer == "adam":
            return 2
        return 1 if self.momentum else 0

    def encode(self, step: int, seed: int = 0) -> NDArray[np.float64]:
        """The settings as kernels read them, after `step` steps of the node of this seed."""
        settings = np.zeros(layout.SETTINGS)
        settings[layout.OPTIMIZER] = OPTIMIZERS[self.optimizer]
        settings[layout.LEARNING_RATE] = self.learning_rate
        settings[layout.MOMENTUM] = self.momentum
        settings[layout.WEIGHT_DECAY] = self.weight_decay
        settings[layout.STEP] = step
        settings[layout.NODE_SEED] = seed % layout.WHOLE
        return settings
