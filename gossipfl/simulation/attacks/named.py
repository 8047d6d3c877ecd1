"""Attacks by name, as experiments and the command line write them."""

import math
from collections.abc import Callable
from typing import Final

from gossipfl.errors import ConfigError
from gossipfl.simulation.attacks.alie import Alie
from gossipfl.simulation.attacks.base import Attack
from gossipfl.simulation.attacks.dissensus import Dissensus
from gossipfl.simulation.attacks.inner_product import InnerProduct
from gossipfl.simulation.attacks.label_flip import LabelFlip
from gossipfl.simulation.attacks.noise import Noise
from gossipfl.simulation.attacks.sign_flip import SignFlip
from gossipfl.simulation.attacks.slow_drift import SlowDrift

# Name -> how to make it with a strength, and the strength unless another is given.
LIES: Final[dict[str, tuple[Callable[[float], Attack], float]]] = {
    "random": (Noise, 3.0),
    "signflip": (SignFlip, 3.0),
    "alie": (Alie, 1.5),
    "ipm": (InnerProduct, 0.5),
    "dissensus": (Dissensus, 1.5),
    "slowdrift": (SlowDrift, 0.3),
}
HELP: Final = f"{', '.join(LIES)} (each may have a :STRENGTH) or labelflip"


def parse_attack(text: str) -> Attack:
    """The attack that `text` names, such as "signflip" or "alie:1".  Raises ConfigError."""
    if text == "labelflip":
        return LabelFlip()
    name, colon, number = text.partition(":")
    if name not in LIES:
        raise ConfigError(f"attack {text[:40]!r} is unknown: write {HELP}")
    make, default = LIES[name]
    return make(_strength(text, number) if colon else default)


def _strength(text: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1000:
        raise ConfigError(f"attack {text[:40]!r}: a strength above 0, at most 1000, follows it")
    return value
