"""Learning-rate schedules for training that has no end: functions of a node's own step count.

None falls below FLOOR, so that a node never stops following what its sensors see.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError

FLOOR: Final = 0.01
SCHEDULE_STEPS_MAX: Final = 10**9

Steps = NDArray[np.int64]
Factors = NDArray[np.float64]
Schedule = Callable[[Steps], Factors]
"""Steps made so far, i64[n], to the share of the learning rate that the next one takes, f64[n]."""

ADVICE: Final = "constant, cosine:STEPS, step:STEPS:FACTOR or inverse:STEPS"


def parse_schedule(text: str) -> Schedule:
    """The schedule of "constant", "cosine:STEPS", "step:STEPS:FACTOR" or "inverse:STEPS".

    Raises ConfigError.
    """
    name, *numbers = text.split(":") if isinstance(text, str) else [""]
    try:
        if name == "step" and len(numbers) == 2:
            return _step(_whole(numbers[0]), _share(numbers[1]))
        if name in _ONE_NUMBER and len(numbers) == 1:
            return _ONE_NUMBER[name](_whole(numbers[0]))
    except ValueError:
        pass
    if name == "constant" and not numbers:
        return lambda steps: np.ones(len(steps))
    raise ConfigError(f"schedule is {ADVICE}, not {text!r:.80}")


def warmed(schedule: Schedule, warmup_steps: int) -> Schedule:
    """The schedule behind so many steps that rise in a straight line to the full rate."""
    if not warmup_steps:
        return schedule

    def factors(steps: Steps) -> Factors:
        rising = np.minimum((steps + 1) / warmup_steps, 1.0)
        return rising * schedule(np.maximum(steps - warmup_steps, 0))

    return factors


def _cosine(length: int) -> Schedule:
    """Half a cosine down to FLOOR (Loshchilov and Hutter 2017, arXiv:1608.03983, no restarts)."""

    def factors(steps: Steps) -> Factors:
        fallen = 0.5 * (1 - np.cos(np.pi * np.minimum(steps / length, 1.0)))
        found: Factors = 1 - (1 - FLOOR) * fallen
        return found

    return factors


def _inverse(length: int) -> Schedule:
    """length / (length + steps): half after `length` steps, a third after twice as many."""
    return lambda steps: np.maximum(length / (length + steps), FLOOR)


def _step(length: int, factor: float) -> Schedule:
    """Times `factor` after every `length` steps."""
    return lambda steps: np.maximum(factor ** (steps // length), FLOOR)


_ONE_NUMBER: Final[dict[str, Callable[[int], Schedule]]] = {"cosine": _cosine, "inverse": _inverse}


def _whole(text: str) -> int:
    number = int(text)
    if not 1 <= number <= SCHEDULE_STEPS_MAX:
        raise ValueError
    return number


def _share(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and 0 < number < 1):
        raise ValueError
    return number
