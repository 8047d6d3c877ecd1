"""How often a coordinate is corrected, which sets the gain of the control variate."""

from typing import Final

MEMORY: Final = 0.9
# Rare corrections may count for half as much again; frequent ones would overshoot.
RARE_GAIN: Final = 1.5
RARE: Final = 0.15


class Activity:
    """phi: the fraction of all coordinates that one round's exchanges touch, as an average.

    A control variate learns from displacements.  A coordinate that is displaced rarely is
    displaced far, so the gain must shrink with how rarely: phi does that by itself, also when
    messages are lost or neighbours sleep.
    """

    def __init__(self, phi: float) -> None:
        self.phi = phi
        self.touched = 0

    @property
    def gain(self) -> float:
        """What a displacement, as a gradient, adds to the control variate."""
        phi = self.phi
        if phi > RARE:
            return phi
        gain = RARE_GAIN * phi
        return gain if gain < RARE else RARE

    def note(self, coordinates: int) -> None:
        """Some exchange touched this many coordinates."""
        self.touched += coordinates

    def end_round(self, size: int) -> None:
        """Average in what was touched since the last call; `size` is the model's length."""
        self.phi = MEMORY * self.phi + (1 - MEMORY) * self.touched / size
        self.touched = 0
