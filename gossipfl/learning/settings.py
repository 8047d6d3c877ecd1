"""How a node trains between two exchanges."""

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.kernels import layout
from gossipfl.learning.schedules import SCHEDULE_STEPS_MAX, Schedule, parse_schedule, warmed

OPTIMIZERS: dict[str, int] = {"sgd": layout.SGD, "adam": layout.ADAM, "adamw": layout.ADAM}
BATCH_MAX = 4096
STEPS_MAX = 100_000

Pace = tuple[NDArray[np.float64], float]
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


def _flag(_: object, attribute: "attrs.Attribute[bool]", value: bool) -> None:
    """Validator: true or false."""
    if type(value) is not bool:
        raise ConfigError(f"{attribute.name} is true or false, not {value!r}")


def _numbers(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(values)


_WEIGHT: Final = _real(1e-3, 1e3)


@attrs.frozen(kw_only=True)
class TrainingSettings:
    """The local optimizer and how much it does per round.

    optimizer: "sgd", "adam" or "adamw" (both with beta 0.9 and 0.999, epsilon 1e-8).
    learning_rate: how far a step goes.  Higher: faster and noisier.  SGD on standardised inputs:
        0.05 to 0.5; Adam: about 0.001.
    schedule: how the rate falls with the steps that this node has made: "constant",
        "cosine:STEPS", "step:STEPS:FACTOR" or "inverse:STEPS"; never below a hundredth of it.
    warmup_steps: so many first steps, in which the rate rises to learning_rate.
    momentum: share of SGD's previous step that is kept, 0 to below 1.  Higher: smoother, and
        every step goes 1 / (1 - momentum) times as far.  Must be 0 with Adam, which has its own.
    nesterov: whether SGD looks ahead along its momentum.
    batch_size: rows per step, or all of them if there are fewer.
    local_steps: steps between two exchanges.  More: fewer bytes per step, more drift apart.
    weight_decay: with sgd and adam, share of every parameter that is added to its gradient (L2
        regularisation); with adamw, share of it taken off per step, times the rate.
    clip_norm: longest gradient that a step takes as it is; longer ones are cut to it; 0: any.
    proximal: mu of FedProx: pull back to where the round began, added to the gradient before it is
        clipped.  Higher: less drift between exchanges, slower learning; 0 is none.
    class_weights: how much a row of each class counts in cross-entropy, the only loss that takes
        them; () is all alike.  Every node has the same, whatever classes its own rows have.
    """

    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    learning_rate: float = attrs.field(default=0.1, validator=_real(0, 10, open_low=True))
    schedule: str = "constant"
    warmup_steps: int = attrs.field(default=0, validator=_whole(0, SCHEDULE_STEPS_MAX))
    momentum: float = attrs.field(default=0.0, validator=_real(0, 1, open_high=True))
    nesterov: bool = attrs.field(default=False, validator=_flag)
    batch_size: int = attrs.field(default=16, validator=_whole(1, BATCH_MAX))
    local_steps: int = attrs.field(default=5, validator=_whole(1, STEPS_MAX))
    weight_decay: float = attrs.field(default=0.0, validator=_real(0, 1))
    clip_norm: float = attrs.field(default=0.0, validator=_real(0, 1e6))
    proximal: float = attrs.field(default=0.0, validator=_real(0, 1000))
    class_weights: tuple[float, ...] = attrs.field(
        default=(), converter=_numbers, validator=attrs.validators.deep_iterable(_WEIGHT)
    )

    def __attrs_post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ConfigError(f"optimizer is {' or '.join(OPTIMIZERS)}, not {self.optimizer!r}")
        if self.optimizer != "sgd" and self.momentum:
            raise ConfigError(f"{self.optimizer} has a momentum of its own: leave momentum at 0")
        if self.nesterov and not self.momentum:
            raise ConfigError("nesterov is a way of using momentum: give sgd a momentum above 0")
        if self.learning_rate * self.weight_decay > 1:
            raise ConfigError("learning_rate times weight_decay is at most 1: lower weight_decay")
        parse_schedule(self.schedule)

    @property
    def kernel(self) -> int:
        """SGD, NESTEROV or ADAM of `layout`."""
        return layout.NESTEROV if self.nesterov else OPTIMIZERS[self.optimizer]

    @property
    def state_vectors(self) -> int:
        """Vectors of optimizer state that outlive a step."""
        if self.kernel == layout.ADAM:
            return 2
        return 1 if self.momentum else 0

    def moved(self, step: int, steps: int) -> float:
        """The learning rates of the steps that follow the first `step`, summed."""
        return self.pace(step, steps)[1]

    def encode(self, step: int, steps: int) -> NDArray[np.float64]:
        """f64[steps, SETTINGS], as kernels read them: the steps that follow the first `step`.

        Nobody writes to them, since they may be those of the last call.
        """
        return self.pace(step, steps)[0]

    def pace(self, step: int, steps: int) -> Pace:
        """`encode` and `moved`, kept where all steps are alike: making them takes longer than
        training small models.
        """
        found = self._kept.get(steps)
        if found is None:
            found = self._rows(step, steps), float(self.rates(step, steps).sum())
            if self.schedule == "constant" and not self.warmup_steps and self.kernel != layout.ADAM:
                self._kept[steps] = found
        return found

    @cached_property
    def _kept(self) -> dict[int, Pace]:
        return {}

    def rates(self, step: int, steps: int) -> NDArray[np.float64]:
        """f64[steps]: the learning rates of the steps that follow the first `step`."""
        return self.learning_rate * self._schedule(np.arange(step, step + steps))

    def _rows(self, step: int, steps: int) -> NDArray[np.float64]:
        rows = np.empty((steps, layout.SETTINGS))
        rows[:] = self._row
        rates, clock = self.rates(step, steps), np.arange(step + 1, step + steps + 1)
        rows[:, layout.LEARNING_RATE] = rates
        if self.kernel == layout.ADAM:
            rows[:, layout.FIRST_SCALE] = 1 / (1 - layout.BETA1**clock)
            rows[:, layout.SECOND_SCALE] = 1 / (1 - layout.BETA2**clock)
        if self.optimizer == "adamw":
            rows[:, layout.KEPT] = 1 - rates * self.weight_decay
        return rows

    @cached_property
    def _row(self) -> NDArray[np.float64]:
        """What all steps have in common."""
        row = np.zeros(layout.SETTINGS)
        row[layout.PROXIMAL], row[layout.CLIP_NORM] = self.proximal, self.clip_norm
        row[layout.DECAY] = 0 if self.optimizer == "adamw" else self.weight_decay
        row[layout.KEPT], row[layout.MOMENTUM] = 1, self.momentum
        return row

    @cached_property
    def _schedule(self) -> Schedule:
        return warmed(parse_schedule(self.schedule), self.warmup_steps)
